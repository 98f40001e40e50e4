use std::time::Duration;

use async_trait::async_trait;
use site_adapter::{Error, ErrorKind, Result};

use super::child::{self, Finished};
use super::quote::{quoted, quoted_all};
use super::{Command, Dress, Ran, Transport, checked};
use crate::answer::words;
use crate::config::{KILL_AFTER_SECONDS, TransportSettings};

/// Begins the line that our words on the far side end with. ssh's own failure and a qstat that reaches
/// no server both exit 255; only a command that ran leaves this line.
const TRAILER: &str = "alcyone rc=";
/// Comes before the command's own output: what a login's start-up files print is none of it.
const HEADER: &str = "alcyone begins\n";
const MOST_GREETING: usize = 64 * 1024;

/// Commands on a login node, by the system's `ssh`.
#[derive(Debug)]
pub(crate) struct Ssh {
    dress: Dress,
    settings: TransportSettings,
}

impl Ssh {
    pub(super) const fn new(dress: Dress, settings: TransportSettings) -> Self {
        Self { dress, settings }
    }

    fn argv(&self, user: &str, command: &Command) -> Result<(Vec<String>, u64)> {
        let TransportSettings::Ssh {
            host,
            port,
            login,
            identity_file,
            known_hosts_file,
            control_dir,
            connect_seconds,
            program,
        } = &self.settings
        else {
            return Err(Error::new(
                ErrorKind::Local,
                command.operation,
                "no ssh settings",
            ));
        };
        let login = login.replace("{user}", user);
        if self.dress.is_bare() && login != user {
            let message = format!("{login} cannot run commands as {user} there; set `run_as`");
            return Err(Error::new(
                ErrorKind::Unauthorized,
                command.operation,
                message,
            ));
        }
        let mut argv = vec![program.to_string_lossy().into_owned(), "-T".to_owned()];
        for option in [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("UserKnownHostsFile={}", known_hosts_file.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "VerifyHostKeyDNS=no".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            format!("ConnectTimeout={connect_seconds}"),
            "ServerAliveInterval=5".to_owned(),
            "ServerAliveCountMax=3".to_owned(),
            "ControlMaster=auto".to_owned(),
            format!("ControlPath={}/%C", control_dir.display()),
            "ControlPersist=60".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "ForwardAgent=no".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ] {
            argv.extend(["-o".to_owned(), option]);
        }
        if let Some(file) = identity_file {
            let file = file.replace("{user}", &login);
            argv.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
            argv.extend(["-i".to_owned(), file]);
        }
        if let Some(port) = port {
            argv.extend(["-p".to_owned(), port.to_string()]);
        }
        argv.extend(["-l".to_owned(), login, "--".to_owned(), host.clone()]);
        let far = self.dress.argv(user, command);
        argv.push(far_line(&far, command));
        Ok((argv, *connect_seconds))
    }
}

/// The one string that the login's shell gets, which may be a csh: `/bin/sh -c` and one quoted word.
///
/// What was given up here may lie in a socket and arrive much later, so a command that must not is
/// told until when it may begin, by the far side's clock.
fn far_line(argv: &[String], command: &Command) -> String {
    let run = quoted_all(argv);
    let begin = format!("echo {}; ", quoted(HEADER.trim_end()));
    let gate = command.not_after.map_or_else(String::new, |not_after| {
        let until = not_after.as_second();
        format!("[ \"$(date +%s)\" -le {until} ] || {{ echo \"{TRAILER}late\" >&2; exit 75; }}; ")
    });
    let script = format!(
        "{begin}{gate}{run}; rc=$?; printf \"\\n{TRAILER}%s\\n\" \"$rc\" >&2; exit \"$rc\""
    );
    format!("exec /bin/sh -c {}", quoted(&script))
}

#[async_trait]
impl Transport for Ssh {
    async fn run(&self, user: &str, command: &Command) -> Result<Ran> {
        let user = checked(user, command.operation)?;
        let (argv, connect_seconds) = self.argv(user, command)?;
        let seconds = connect_seconds + command.seconds + KILL_AFTER_SECONDS + 3;
        let room = Command {
            most_bytes: command.most_bytes + MOST_GREETING,
            ..command.clone()
        };
        let limit = Duration::from_secs(seconds);
        let mut finished = child::run(&argv, &room, limit).await?;
        // The kept connection died under it, or just before: the second one is made anew.
        if !command.acts && broke(&finished.stderr) {
            finished = child::run(&argv, &room, limit).await?;
        }
        self.told(finished, command)
    }

    fn is_remote(&self) -> bool {
        true
    }
}

impl Ssh {
    fn told(&self, finished: Finished, command: &Command) -> Result<Ran> {
        told(finished, command).map_err(|mut error| {
            if let Some(remedy) = self.remedy(&error.message) {
                error.message = remedy;
            }
            error
        })
    }

    /// What a person has to mend, in words that say where: ssh's own are six lines of warning.
    fn remedy(&self, said: &str) -> Option<String> {
        let TransportSettings::Ssh {
            host,
            known_hosts_file,
            ..
        } = &self.settings
        else {
            return None;
        };
        let file = known_hosts_file.display();
        if said.contains("IDENTIFICATION HAS CHANGED") {
            return Some(format!(
                "ssh: {host} shows another key than {file} has for it; ask the site whether it was \
                 changed, and only then put the new one there (`transport.known_hosts_file`)"
            ));
        }
        if said.contains("Host key verification failed") {
            return Some(format!(
                "ssh: {file} has no key of {host}; ask the site for it and put it there \
                 (`transport.known_hosts_file`)"
            ));
        }
        said.contains("Permission denied").then(|| {
            format!("{said}; does {host} know the key in `transport.identity_file` for that login?")
        })
    }
}

/// Tells the command's end from ssh's own.
fn told(finished: Finished, command: &Command) -> Result<Ran> {
    let lines = finished.stderr.trim_end();
    let (before, last) = lines.rsplit_once('\n').unwrap_or(("", lines));
    let Some(rc) = last.strip_prefix(TRAILER) else {
        return Err(ssh_failed(&finished.stderr, command));
    };
    let stdout = without_greeting(finished.stdout)
        .ok_or_else(|| command.lost("it ended and its output did not begin"))?;
    if rc == "late" {
        let message = "it arrived after its time and was not begun; are the clocks alike?";
        return Err(command.not_begun(message));
    }
    let code = rc
        .parse()
        .map_err(|_| command.lost(format!("it ended with `{}`", rc.escape_debug())))?;
    Ok(Ran {
        operation: command.operation,
        code,
        stdout,
        stderr: before.trim_end().to_owned(),
    })
}

fn without_greeting(mut said: Vec<u8>) -> Option<Vec<u8>> {
    let begin = said
        .windows(HEADER.len())
        .position(|bytes| bytes == HEADER.as_bytes())?;
    said.drain(..begin + HEADER.len());
    Some(said)
}

const DENIED: [&str; 3] = [
    "Permission denied",
    "Host key verification failed",
    "No such identity",
];
const NEVER_THERE: [&str; 4] = [
    "ssh: connect to host",
    "Could not resolve hostname",
    "Connection timed out during banner exchange",
    "kex_exchange_identification",
];

fn says(stderr: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| stderr.contains(sign))
}

/// The connection was there and went: no line of ours at the end, and no other reason.
fn broke(stderr: &str) -> bool {
    let last = stderr.trim_end().lines().next_back().unwrap_or_default();
    !last.starts_with(TRAILER) && !says(stderr, &DENIED) && !says(stderr, &NEVER_THERE)
}

/// ssh(1) exits 255 when it could not connect, and when the connection broke in the middle; of a kept
/// one that broke it says nothing.
fn ssh_failed(stderr: &str, command: &Command) -> Error {
    let mut message = format!("ssh: {}", words(stderr));
    if says(stderr, &DENIED) {
        return Error::new(ErrorKind::Unauthorized, command.operation, message);
    }
    if says(stderr, &NEVER_THERE) {
        return command.not_begun(message);
    }
    if words(stderr).is_empty() {
        message.push_str("the connection broke before the command had ended");
    }
    command.lost(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(acts: bool) -> Command {
        Command {
            operation: "qstat",
            program: "/opt/pbs/bin/qstat".to_owned(),
            args: vec!["it's".to_owned()],
            stdin: Vec::new(),
            seconds: 5,
            most_bytes: 1000,
            acts,
            not_after: None,
        }
    }

    fn end(code: i32, stderr: &str) -> Finished {
        Finished {
            code: Some(code),
            stdout: b"Welcome!\nalcyone begins\ntold\n".to_vec(),
            stderr: stderr.to_owned(),
        }
    }

    /// Recordings `09_ssh/server_down_qstat_255` and `09_ssh/ssh_itself_refused_255`.
    #[test]
    fn two_failures_with_255_are_told_apart() {
        let server_down = "Connection refused\nqstat: cannot connect to server pbshead \
                           (errno=15010)\n\nalcyone rc=255\n";
        let ran = told(end(255, server_down), &command(false)).unwrap();
        assert_eq!(ran.code, 255);
        assert_eq!(
            ran.stdout, b"told\n",
            "what the login says first is no answer"
        );
        assert!(ran.stderr.ends_with("(errno=15010)"), "{}", ran.stderr);
        let ssh = "ssh: connect to host 10.77.0.1 port 2222: Connection refused\n";
        let error = told(end(255, ssh), &command(true)).unwrap_err();
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

    /// Only what asks is given again, and only where another connection may do better.
    #[test]
    fn a_question_is_asked_again_when_its_connection_broke() {
        for stderr in ["", "client_loop: send disconnect: Broken pipe\n"] {
            assert!(broke(stderr), "{stderr}");
        }
        for stderr in [
            "x\n\nalcyone rc=255\n",
            "Host key verification failed.\n",
            "ssh: connect to host login port 22: Connection refused\n",
        ] {
            assert!(!broke(stderr), "{stderr}");
        }
    }

    #[test]
    fn an_unknown_host_key_is_for_a_person_to_mend() {
        let stderr = "Host key verification failed.\n";
        let error = told(end(255, stderr), &command(true)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
    }

    #[test]
    fn what_arrives_after_its_time_does_not_begin() {
        use broker_model::Clock as _;
        use std::process::Command as Process;
        let now = broker_model::SystemClock.now().as_second();
        let line = |until: i64| {
            let mut command = command(true);
            command.not_after = Some(jiff::Timestamp::from_second(until).unwrap());
            far_line(&["/bin/echo".to_owned(), "it's me".to_owned()], &command)
        };
        let sh = |line: &str| Process::new("sh").arg("-c").arg(line).output().unwrap();
        let in_time = sh(&line(now + 60));
        assert_eq!(in_time.stdout, b"alcyone begins\nit's me\n");
        assert_eq!(in_time.stderr, b"\nalcyone rc=0\n");
        let late = sh(&line(now - 60));
        assert_eq!(
            (late.stdout.as_slice(), late.status.code()),
            (HEADER.as_bytes(), Some(75))
        );
        let finished = end(75, &String::from_utf8(late.stderr).unwrap());
        let error = told(finished, &command(true)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}
