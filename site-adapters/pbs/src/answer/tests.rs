use ErrorKind::{Refused, Unauthorized, Unavailable, Unclear};

use super::*;

fn ran(code: i32, stderr: &str) -> Ran {
    Ran {
        operation: "qsub",
        code,
        stdout: Vec::new(),
        stderr: stderr.to_owned(),
    }
}

/// Recordings `03_errors/qsub_*` and `07_failures/A_down_qsub`, `H_db_dead_qsub2`.
const MEANINGS: &[(i32, &str, ErrorKind)] = &[
    (2, "qsub: illegal -N value", Refused),
    (1, "qsub: cannot send environment with the job", Unavailable),
    (
        3,
        "qsub: Array job exceeds server or queue size limit",
        Refused,
    ),
    (
        5,
        "qsub: \"-lresource=\" cannot be used with \"select\"",
        Refused,
    ),
    (7, "qsub: Cannot have \"place\" without \"select\"", Refused),
    (
        38,
        "qsub: would exceed queue generic's per-user limit",
        Unavailable,
    ),
    (154, "qsub: Error (15002) submitting job", Refused),
    (159, "qsub: Unauthorized Request ", Refused),
    (160, "Unknown Host.", Unavailable),
    (
        162,
        "Connection refused\nqsub: cannot connect to server pbshead (errno=15010)",
        Unavailable,
    ),
    (162, "", Unclear),
    (
        166,
        "qsub: Illegal attribute or resource value select.mem",
        Refused,
    ),
    (170, "qsub: Unknown queue", Refused),
    (171, "qsub: Invalid credential", Unavailable),
    (173, "qsub: Queue is not enabled", Unavailable),
    (
        4,
        "qsub: Resource invalid in \"select\" specification: software",
        Refused,
    ),
    (12, "qsub: Duplicated resource within a section", Refused),
    (32, "qsub: gpu jobs need a project", Refused),
    (
        39,
        "qsub: would exceed user's limit on resource ngpus in complex",
        Unavailable,
    ),
    (40, "qsub: attribute value is out of range", Refused),
    (57, "qsub: Failed to save job/resv", Unclear),
    (71, "qsub: jobscript size exceeds the limit", Refused),
    (155, "qsub: Cannot set attribute, read only", Refused),
    (156, "qsub: Invalid request", Refused),
    (163, "qsub: Server could not", Unclear),
    (174, "qsub: Access to queue is denied", Refused),
    (175, "qsub: Bad UID for job execution", Refused),
    (181, "qsub: Feature/function not supported", Refused),
    (189, "qsub: No default queue specified", Refused),
    (197, "qsub: Bad GID for job execution", Refused),
    (
        198,
        "qsub: Maximum number of jobs already in queue",
        Unavailable,
    ),
    (201, "qsub: Invalid account", Refused),
    (206, "qsub: illegal dependency", Refused),
    (212, "qsub: Server shutting down", Unavailable),
    (183, "qsub: Protocol (ASN.1) error", Unclear),
    (187, "qsub: Unknown resource: nosuchres", Refused),
    (
        188,
        "qsub: Job violates queue and/or server resource limits",
        Refused,
    ),
    (124, "", Unclear),
    (137, "", Unclear),
    (127, "timeout: failed to run command", Unavailable),
    (99, "", Unclear),
];

#[test]
fn every_exit_code_of_qsub_has_its_meaning() {
    for (code, stderr, kind) in MEANINGS {
        assert_eq!(ran(*code, stderr).submit_kind(), *kind, "{code} {stderr}");
    }
}

/// A site that uses up a limit may let go of it; a hook's no is for good.
#[test]
fn a_full_queue_may_pass_and_a_hooks_no_does_not() {
    for code in [38, 39, 173, 198] {
        assert!(ran(code, "").may_pass(), "{code}");
    }
    for code in [32, 174, 188, 212] {
        assert!(!ran(code, "").may_pass(), "{code}");
    }
}

/// Otherwise a qsub that may have submitted would be sent again.
#[test]
fn a_warning_before_a_command_that_ran_is_no_denial() {
    let warning = "sudo: unable to resolve host login1: Name or service not known\n";
    for (code, after, kind) in [
        (124, "", Unclear),
        (137, "", Unclear),
        (183, "qsub: Protocol (ASN.1) error\n", Unclear),
        (99, "", Unclear),
        (
            1,
            "qsub: cannot send environment with the job\n",
            Unavailable,
        ),
        (1, "sudo: a password is required\n", Unauthorized),
        (
            1,
            "Sorry, user alcyone is not allowed to execute '/usr/bin/env'\n",
            Unauthorized,
        ),
    ] {
        let told = ran(code, &format!("{warning}{after}"));
        assert_eq!(told.submit_kind(), kind, "{code} {after}");
    }
    let setpriv = ran(127, "setpriv: failed to execute /usr/bin/env: No such file");
    assert_eq!(setpriv.submit_kind(), Unauthorized);
}

#[test]
fn an_unknown_user_is_one_persons_and_a_missing_right_is_the_sites() {
    for (stderr, kind) in [
        ("sudo: unknown user: bob", Refused),
        (
            "sudo: unknown user bob\nsudo: error initializing audit plugin sudoers_audit",
            Refused,
        ),
        (
            "runuser: user bob does not exist or the user entry does not contain all the \
             required fields",
            Refused,
        ),
        ("setpriv: failed to parse reuid: 'bob'", Refused),
        ("sudo: a password is required", Unauthorized),
        ("runuser: may not be used by non-root users", Unauthorized),
    ] {
        assert_eq!(ran(1, stderr).submit_kind(), kind, "{stderr}");
    }
    let asked = ran(1, "sudo: unknown user: bob").failure();
    assert_eq!(asked.kind, Unauthorized, "what asks is never refused");
}

#[test]
fn a_server_that_is_down_is_not_a_wrong_setting() {
    let down = "Connection refused\npbsnodes: cannot connect to server pbshead, error=15010";
    assert_eq!(ran(1, down).failure().kind, ErrorKind::Unavailable);
    assert_eq!(ran(255, down).failure().kind, ErrorKind::Unavailable);
    assert_eq!(ran(127, "").failure().kind, ErrorKind::Local);
}

#[test]
fn words_from_outside_are_one_bounded_line() {
    assert_eq!(words("a\n\n b\x1b[31m\n"), "a; b\u{fffd}[31m");
    assert!(words(&"x".repeat(10_000)).len() <= 300);
}
