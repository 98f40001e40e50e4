//! What a command's exit code and words mean. PBS's own error numbers are 15001 and up, and a command
//! exits with the number modulo 256, with exceptions of its own (`15010` is 162, to qstat 255).

use site_adapter::{Error, ErrorKind};

use crate::transport::Ran;

/// Known to no queue and to no history.
pub(crate) const UNKNOWN_JOB: i32 = 153;
/// Finished, in the history.
pub(crate) const FINISHED: i32 = 35;
/// The daemon of the job's node does not answer.
pub(crate) const NO_MOM: i32 = 222;

impl Ran {
    pub(crate) const fn is_ok(&self) -> bool {
        self.code == 0
    }

    /// Something was said beside an exit code of 0: what is absent then is no proof.
    pub(crate) fn is_noisy(&self) -> bool {
        !self.stderr.trim().is_empty()
    }

    /// History is off: told with exit code 0, on standard error alone, even for a job that lives.
    pub(crate) fn has_no_history(&self) -> bool {
        self.stderr
            .contains("not configured to maintain job history")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        let said = words(&self.stderr);
        let message = if said.is_empty() {
            format!("exit code {}", self.code)
        } else {
            format!("{said} (exit code {})", self.code)
        };
        Error::new(kind, self.operation, message)
    }

    /// A failure of a command that only asks, or that may be given again without harm.
    pub(crate) fn failure(&self) -> Error {
        self.error(self.asking_kind())
    }

    fn asking_kind(&self) -> ErrorKind {
        if self.is_denied_locally() {
            return ErrorKind::Unauthorized;
        }
        match self.code {
            126 | 127 => ErrorKind::Local,
            1 if !self.is_unreachable() => ErrorKind::Local,
            2 => ErrorKind::Protocol,
            159 | 175 => ErrorKind::Unauthorized,
            _ => ErrorKind::Unavailable,
        }
    }

    /// A qsub that did not print an id: whether the server surely has nothing.
    pub(crate) fn submit_kind(&self) -> ErrorKind {
        if self.is_denied_locally() {
            return ErrorKind::Unauthorized;
        }
        match self.code {
            // Usage, bad option value; array too large; -l with select; place without select.
            2 | 3 | 5 | 7 => ErrorKind::Refused,
            // Unknown attribute; not permitted; bad value; while running; unknown queue; unknown
            // resource; over the queue's or the server's maximum.
            154 | 159 | 166 | 167 | 170 | 187 | 188 => ErrorKind::Refused,
            // No such user there, or root.
            175 => ErrorKind::Unauthorized,
            // qsub itself could not (no temporary file, no pbs.conf) and sent nothing; too many of this
            // user's are queued; queue not enabled.
            1 | 38 | 173 => ErrorKind::Unavailable,
            // Before anything was sent: host unknown, not connected, not authenticated.
            160 | 171 => ErrorKind::Unavailable,
            162 if self.is_unreachable() => ErrorKind::Unavailable,
            125..=127 => ErrorKind::Unavailable,
            // 124 and 137 are of timeout(1); 183 is a broken conversation.
            _ => ErrorKind::Unclear,
        }
    }

    /// The resource is not made there, and so nothing was taken: "Unknown resource: ngpus".
    pub(crate) fn lacks_resource(&self, name: &str) -> bool {
        let mut words = self.stderr.split(|c: char| c.is_whitespace() || c == '.');
        self.code == 187 && words.any(|word| word == name)
    }

    /// A limit or a closed door that may pass: refused only once it has lasted.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self.code, 1 | 38 | 173)
    }

    fn is_unreachable(&self) -> bool {
        let signs = [
            "Connection refused",
            "cannot connect to server",
            "Unknown Host",
        ];
        signs.iter().any(|sign| self.stderr.contains(sign))
    }

    /// What stands before the command said no: sudo, runuser, setpriv.
    fn is_denied_locally(&self) -> bool {
        let signs = ["sudo: ", "runuser: ", "setpriv: "];
        signs.iter().any(|sign| self.stderr.starts_with(sign))
    }
}

/// Words from outside in one line, bounded and harmless.
pub(crate) fn words(text: &str) -> String {
    const MOST: usize = 300;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.take(6).collect::<Vec<_>>().join("; ");
    let plain = line
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c });
    plain.take(MOST).collect()
}

#[cfg(test)]
mod tests {
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
    #[test]
    fn every_exit_code_of_qsub_has_its_meaning() {
        use ErrorKind::{Refused, Unauthorized, Unavailable, Unclear};
        for (code, stderr, kind) in [
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
            (175, "qsub: Bad UID for job execution", Unauthorized),
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
            (1, "sudo: a password is required", Unauthorized),
        ] {
            assert_eq!(ran(code, stderr).submit_kind(), kind, "{code} {stderr}");
        }
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
}
