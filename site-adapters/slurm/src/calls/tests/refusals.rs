//! What servers answer when they refuse, do not know, or cannot tell.

use super::*;

#[test]
fn an_unknown_job_is_no_error_and_an_outage_is_no_unknown_job() {
    for file in EACH {
        assert_eq!(job::parse(&read(file, "job-unknown")).unwrap(), []);
        assert!(job::parse(&read(file, "auth-garbage-jobs")).is_err());
    }
    let refused = job::parse(&read(MIDDLE, "auth-garbage-jobs")).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unauthorized);
    let unclear = job::parse(&read(OLD, "auth-garbage-jobs")).unwrap_err();
    assert_eq!(unclear.kind, ErrorKind::Unavailable);
}

#[test]
fn accounting_without_a_database_or_token_is_never_an_empty_list() {
    let old = accounting::parse(&read(OLD, "auth-wrong-key-db")).unwrap_err();
    assert_eq!(old.kind, ErrorKind::Unauthorized);
    let middle = accounting::parse(&read(MIDDLE, "auth-wrong-key-db")).unwrap_err();
    assert_eq!(middle.kind, ErrorKind::Unavailable);
}

#[test]
fn cancelling_what_is_not_there_or_has_ended_succeeds() {
    for file in [OLD, MIDDLE] {
        cancel::parse(&acted(file, "delete")).unwrap();
        cancel::parse(&acted(file, "delete-unknown")).unwrap();
    }
    cancel::parse(&acted(FORTY, "delete-unknown")).unwrap();
    cancel::parse(&acted(MIDDLE, "delete-again")).unwrap();
}

#[test]
fn the_same_refusal_has_another_status_in_each_version() {
    for name in [
        "submit-unknown-partition",
        "submit-unknown-account",
        "submit-unknown-qos",
    ] {
        for (file, status) in [(OLD, 500), (MIDDLE, 500), (NEW, 422)] {
            let answer = acted(file, name);
            assert_eq!(answer.status, status);
            assert_eq!(submit::parse(&answer).unwrap_err().kind, ErrorKind::Refused);
        }
    }
    // 22.05 takes a job that no partition can hold, and says so beside its id.
    let made = submit::parse(&acted(OLD, "submit-too-many-nodes")).unwrap();
    assert!(matches!(made, submit::Receipt::Made { .. }), "{made:?}");
    for file in [MIDDLE, NEW] {
        let error = submit::parse(&acted(file, "submit-too-many-nodes")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }
}

#[test]
fn absence_in_an_answer_about_one_thing_is_worded_in_four_ways() {
    for (file, status) in [(OLD, 500), (MIDDLE, 200), (NEW, 200)] {
        let answer = read(file, "node-unknown");
        assert_eq!(answer.status, status);
        // From 24.11 on 200 with an error of number 0: no empty list, and no node.
        assert!(nodes::parse(&answer).is_err(), "{answer:?}");
    }
    for (file, status) in [(OLD, 500), (MIDDLE, 422), (NEW, 200)] {
        let answer = read(file, "partition-unknown");
        assert_eq!(answer.status, status);
        assert!(partitions::parse(&answer).is_err(), "{answer:?}");
    }
}

#[test]
fn slurms_version_is_read_and_whom_it_takes_us_for_is_not() {
    for (file, release) in [(OLD, "22.05.8"), (FORTY, "24.11.5"), (NEW, "26.05.5")] {
        let answer = read(file, "ping-meta");
        assert_eq!(ping::release(&answer), Some(release));
        // It says root for alice.
        assert!(ping::parse(&answer).unwrap());
        let unknown = read(file, "version-unknown");
        assert!(unknown.is_unknown_path(), "{unknown:?}");
    }
}
