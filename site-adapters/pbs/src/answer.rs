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
        if self.is_of_unknown_user() {
            return ErrorKind::Refused;
        }
        if self.is_denied_locally() {
            return ErrorKind::Unauthorized;
        }
        match self.code {
            // Usage, bad option value; array too large; a resource that cannot stand in select; -l with
            // select; place without select; a resource twice in a chunk; a value out of range.
            2 | 3 | 4 | 5 | 7 | 12 | 40 => ErrorKind::Refused,
            // A hook of the site's said no; the script is too large.
            32 | 71 => ErrorKind::Refused,
            // Unknown or read-only attribute; invalid; not permitted; bad value; while running; unknown
            // queue; no access to it; not supported; unknown resource; over the queue's or the server's
            // maximum; no default queue; bad group, account, dependency.
            154..=156 | 159 | 166 | 167 | 170 | 174 | 181 | 187..=189 | 197 | 201 | 206 => {
                ErrorKind::Refused
            }
            // qsub itself could not (no temporary file, no pbs.conf) and sent nothing; too many of this
            // user's are queued, or ask for too much; queue not enabled; queue full.
            1 | 38 | 39 | 173 | 198 => ErrorKind::Unavailable,
            // Before anything was sent: host unknown, not connected, not authenticated. The server is
            // shutting down.
            160 | 171 | 212 => ErrorKind::Unavailable,
            162 if self.is_unreachable() => ErrorKind::Unavailable,
            125..=127 => ErrorKind::Unavailable,
            // 124 and 137 are of timeout(1); 57 was not saved, 163 is an error inside the server, 183 a
            // broken conversation.
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
        matches!(self.code, 1 | 38 | 39 | 173 | 198)
    }

    /// Nobody of that name is known, to PBS or to what stands before the command.
    pub(crate) fn is_of_unknown_user(&self) -> bool {
        let signs = [
            "sudo: unknown user",
            "runuser: user ",
            "setpriv: failed to parse reuid",
        ];
        let says = |line: &str| signs.iter().any(|sign| line.starts_with(sign));
        self.code == 175 || self.is_denied_locally() && self.stderr.lines().any(says)
    }

    fn is_unreachable(&self) -> bool {
        let signs = [
            "Connection refused",
            "cannot connect to server",
            "Unknown Host",
        ];
        signs.iter().any(|sign| self.stderr.contains(sign))
    }

    /// What stands before the command said no, and nothing began: sudo, runuser, setpriv.
    ///
    /// Only with an exit code of theirs and as the last word: sudo warns (`unable to resolve host`) and
    /// then runs the command all the same.
    pub(crate) fn is_denied_locally(&self) -> bool {
        let signs: &[&str] = match self.code {
            1 => &["sudo: ", "Sorry, user ", "runuser: ", "setpriv: "],
            126 | 127 => &["runuser: ", "setpriv: "],
            _ => return false,
        };
        let mut lines = self.stderr.lines().rev().map(str::trim);
        let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
        signs.iter().any(|sign| last.starts_with(sign))
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
mod tests;
