//! What comes back over ssh: the command's own end, or ssh's.

use site_adapter::{Error, ErrorKind, Result};

use super::super::child::Finished;
use super::super::{Broke, Command, DeniedLogin, Ran};
use crate::answer::words;

/// Begins the line that our words on the far side end with. ssh's own failure and a qstat that reaches
/// no server both exit 255; only a command that ran leaves this line.
pub(super) const TRAILER: &str = "alcyone rc=";
/// Comes before what the command says on either stream: what a login's start-up files print is none of
/// it. Where it came, the command may have begun.
pub(super) const HEADER: &str = "alcyone begins\n";

/// As whom ssh was to log in, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) login: &'a str,
    pub(crate) host: &'a str,
}

/// Tells the command's end from ssh's own.
pub(crate) fn told(way: Way<'_>, finished: Finished, command: &Command) -> Result<Ran> {
    let lines = finished.stderr.trim_end();
    let last_line = lines.rfind('\n').map_or(0, |at| at + 1);
    let (before, last) = lines.split_at(last_line);
    let said = after_header(before);
    let stdout = without_greeting(finished.stdout);
    let Some(rc) = last.strip_prefix(TRAILER) else {
        let has_begun = stdout.is_some() || after_header(&finished.stderr).is_some();
        return Err(ssh_failed(way, &finished.stderr, has_begun, command));
    };
    let (Some(stdout), Some(said)) = (stdout, said) else {
        return Err(command.lost("it ended and its output did not begin"));
    };
    if rc == "late" {
        let message = "it arrived after its time and was not begun; are the clocks alike?";
        return Err(command.not_begun(message));
    }
    let code = rc
        .parse()
        .map_err(|_| command.lost(format!("it ended with `{}`", rc.escape_debug())))?;
    Ok(Ran::told(command, code, stdout, said.trim_end()))
}

/// What the command said; `None` before it began.
fn after_header(said: &str) -> Option<&str> {
    let (greeting, rest) = said.split_once(HEADER)?;
    let is_whole_line = greeting.is_empty() || greeting.ends_with('\n');
    is_whole_line.then_some(rest)
}

fn without_greeting(mut said: Vec<u8>) -> Option<Vec<u8>> {
    let begin = said
        .windows(HEADER.len())
        .position(|bytes| bytes == HEADER.as_bytes())?;
    said.drain(..begin + HEADER.len());
    Some(said)
}

/// Followed by a line with the address, or the last word itself.
const BEFORE_THE_LOGIN: [&str; 2] = [
    "Connection timed out during banner exchange",
    "kex_exchange_identification",
];

/// What ssh says last. What a start-up file says of its own (`git@example.org: Permission denied`) names
/// another login or host, or has ssh's own word behind it.
#[derive(Clone, Copy, Debug)]
struct LastWord<'a> {
    way: Way<'a>,
    last: &'a str,
    before: &'a str,
}

impl<'a> LastWord<'a> {
    fn of(way: Way<'a>, stderr: &'a str) -> Self {
        let mut lines = stderr.trim_end().lines().rev();
        Self {
            way,
            last: lines.next().unwrap_or_default(),
            before: lines.next().unwrap_or_default(),
        }
    }

    /// `alice@login1: Permission denied (publickey).`
    fn is_denied_login(&self) -> bool {
        let rest = self.last.strip_prefix(self.way.login);
        let of_us = rest.is_some_and(|rest| rest.starts_with('@'));
        of_us && self.last.contains(": Permission denied (")
    }

    fn is_wrong_host(&self) -> bool {
        self.last.starts_with("Host key verification failed")
    }

    fn is_never_there(&self) -> bool {
        let is_early = |line: &str| BEFORE_THE_LOGIN.iter().any(|sign| line.starts_with(sign));
        self.names_our_host("ssh: connect to host ", " port ")
            || self.names_our_host("ssh: Could not resolve hostname ", ":")
            || [self.last, self.before].into_iter().any(is_early)
    }

    fn names_our_host(&self, begin: &str, then: &str) -> bool {
        let host = self.way.host;
        let rest = self.last.strip_prefix(begin);
        let named = rest.and_then(|rest| rest.split_at_checked(host.len()));
        named.is_some_and(|(name, rest)| name.eq_ignore_ascii_case(host) && rest.starts_with(then))
    }
}

/// ssh(1) exits 255 when it could not connect, and when the connection broke in the middle; of a kept
/// one that broke it says nothing.
fn ssh_failed(way: Way<'_>, stderr: &str, has_begun: bool, command: &Command) -> Error {
    let mut message = format!("ssh: {}", words(stderr));
    let word = LastWord::of(way, stderr);
    let denied = |message| Error::new(ErrorKind::Unauthorized, command.operation, message);
    if !has_begun && word.is_denied_login() {
        return denied(message).caused_by(DeniedLogin);
    }
    if !has_begun && word.is_wrong_host() {
        return denied(message);
    }
    if !has_begun && word.is_never_there() {
        return command.not_begun(message);
    }
    if words(stderr).is_empty() {
        message.push_str("the connection broke before the command had ended");
    }
    command.lost(message).caused_by(Broke)
}

#[cfg(test)]
mod tests {
    use super::super::super::is_denied_login;
    use super::super::tests::command;
    use super::*;

    fn end(code: i32, stderr: &str) -> Finished {
        Finished {
            code: Some(code),
            stdout: b"Welcome!\nalcyone begins\ntold\n".to_vec(),
            stderr: stderr.to_owned(),
        }
    }

    /// Of ssh itself, before anything began there.
    fn outside(stderr: &str) -> Finished {
        Finished {
            stdout: b"Welcome!\n".to_vec(),
            ..end(255, stderr)
        }
    }

    fn told(finished: Finished, command: &Command) -> Result<Ran> {
        let way = Way {
            login: "alice",
            host: "login1",
        };
        super::told(way, finished, command)
    }

    /// Recordings `09_ssh/server_down_qstat_255` and `09_ssh/ssh_itself_refused_255`.
    #[test]
    fn two_failures_with_255_are_told_apart() {
        let server_down = "alcyone begins\nConnection refused\nqstat: cannot connect to server \
                           pbshead (errno=15010)\n\nalcyone rc=255\n";
        let ran = told(end(255, server_down), &command(false)).unwrap();
        assert_eq!(ran.code, 255);
        assert_eq!(
            ran.stdout, b"told\n",
            "what the login says first is no answer"
        );
        assert!(ran.stderr.ends_with("(errno=15010)"), "{}", ran.stderr);
        let ssh = "ssh: connect to host 10.77.0.1 port 2222: Connection refused\n";
        let way = Way {
            login: "alice",
            host: "10.77.0.1",
        };
        let error = super::told(way, outside(ssh), &command(true)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_connection_that_broke_leaves_it_unclear_whether_the_command_ran() {
        let broke = "client_loop: send disconnect: Broken pipe\n";
        let kind = |acts| told(end(255, broke), &command(acts)).unwrap_err().kind;
        assert_eq!(kind(true), ErrorKind::Unclear);
        assert_eq!(kind(false), ErrorKind::Unavailable);
        let cut = told(end(0, "alcyone rc="), &command(true)).unwrap_err();
        assert_eq!(cut.kind, ErrorKind::Unclear);
        let silent = told(end(255, ""), &command(true)).unwrap_err();
        assert!(silent.message.contains("the connection broke"), "{silent}");
    }

    #[test]
    fn only_where_a_connection_was_lost_may_another_do_better() {
        use super::super::super::broke;
        for stderr in ["", "client_loop: send disconnect: Broken pipe\n"] {
            let lost = told(outside(stderr), &command(false)).unwrap_err();
            assert!(broke(&lost), "{stderr}");
        }
        for stderr in [
            "Host key verification failed.\n",
            "ssh: connect to host login1 port 22: Connection refused\n",
        ] {
            let error = told(outside(stderr), &command(false)).unwrap_err();
            assert!(!broke(&error), "{stderr}");
        }
    }

    #[test]
    fn a_login_that_is_refused_is_for_a_person_to_mend() {
        for stderr in [
            "Host key verification failed.\n",
            "alice@login1: Permission denied (publickey,password).\n",
        ] {
            let error = told(outside(stderr), &command(true)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unauthorized, "{stderr}");
            assert_eq!(is_denied_login(&error), stderr.contains("Permission"));
        }
    }

    #[test]
    fn what_never_reached_the_host_was_surely_not_sent() {
        for stderr in [
            "ssh: connect to host login1 port 22: Connection refused\n",
            "ssh: connect to host LOGIN1 port 22: No route to host\r\n",
            "ssh: Could not resolve hostname login1: Name or service not known\n",
            "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out\n",
            "kex_exchange_identification: read: Connection reset by peer\n\
             Connection reset by 10.0.0.1 port 22\n",
        ] {
            let error = told(outside(stderr), &command(true)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable, "{stderr}");
        }
    }

    /// A start-up file of the login's can say anything before our command runs and its connection breaks.
    #[test]
    fn words_of_a_start_up_file_are_no_proof_that_nothing_was_sent() {
        for stderr in [
            "/home/alice/.bashrc: line 3: /opt/site/env.sh: Permission denied\n",
            "git@example.org: Permission denied (publickey).\n",
            "ssh: connect to host other port 22: Connection refused\n",
            "alice@login1: Permission denied (publickey).\n",
        ] {
            let error = told(end(255, stderr), &command(true)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unclear, "{stderr}");
            let begun = format!("{stderr}alcyone begins\n");
            let error = told(outside(&begun), &command(true)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unclear, "{stderr}");
        }
        for stderr in [
            "/home/alice/.bashrc: line 3: /opt/site/env.sh: Permission denied\n",
            "git@example.org: Permission denied (publickey).\n",
            "alice@login1: Permission denied (publickey).\nclient_loop: send disconnect\n",
            "ssh: connect to host other port 22: Connection refused\n",
            "ssh: connect to host login12 port 22: Connection refused\n",
            "ssh: Could not resolve hostname license1: Name or service not known\n",
            "ssh: connect to host login1 port 22: Connection refused\nclient_loop: send disconnect\n",
            "kex_exchange_identification: read: Connection reset by peer\n\
             Connection reset by 10.0.0.7 port 22\nclient_loop: send disconnect\n",
        ] {
            let error = told(outside(stderr), &command(true)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unclear, "{stderr}");
        }
    }

    /// Otherwise every absence at such a login would be "found nothing, and complained".
    #[test]
    fn what_a_login_says_on_standard_error_is_no_complaint_of_the_command() {
        let stderr = "Maintenance on Monday\nalcyone begins\n\nalcyone rc=0\n";
        let ran = told(end(0, stderr), &command(false)).unwrap();
        assert!(!ran.is_noisy(), "{}", ran.stderr);
        let stderr = "x\nalcyone begins\npbs_iff: all reserved ports in use\n\nalcyone rc=0\n";
        let ran = told(end(0, stderr), &command(false)).unwrap();
        assert_eq!(ran.stderr, "pbs_iff: all reserved ports in use");
        let sudo = "alcyone begins\nsudo: unable to resolve host login1\n\nalcyone rc=0\n";
        assert!(!told(end(0, sudo), &command(false)).unwrap().is_noisy());
        let without = told(end(0, "x\n\nalcyone rc=0\n"), &command(true)).unwrap_err();
        assert_eq!(without.kind, ErrorKind::Unclear);
    }
}
