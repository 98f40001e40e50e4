//! Commands on a login node, by the system's `ssh`.

pub(crate) mod end;

use std::time::Duration;

use async_trait::async_trait;
use site_adapter::{Error, ErrorKind, Result};

use end::{HEADER, TRAILER, Way};

use super::child::{self, Finished};
use super::quote::{quoted, quoted_all};
use super::{Command, Dress, Ran, Transport, checked, is_denied_login};
use crate::config::{KILL_AFTER_SECONDS, TransportSettings};

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
            identity_file,
            known_hosts_file,
            control_dir,
            connect_seconds,
            program,
            ..
        } = &self.settings
        else {
            return Err(Error::new(
                ErrorKind::Local,
                command.operation,
                "no ssh settings",
            ));
        };
        let login = self.login(user);
        let is_own = login == user;
        if self.dress.is_bare() && !is_own {
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
        let far = self.dress.argv(user, is_own, command);
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
    let header = quoted(HEADER.trim_end());
    let begin = format!("echo {header}; echo {header} >&2; ");
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
        let finished = child::run(&argv, &room, limit).await?;
        self.told(user, finished, command)
    }

    fn is_remote(&self) -> bool {
        true
    }

    /// All of them are one argument of ssh's, and one such has 128 KiB (execve(2)).
    fn most_argument_bytes(&self) -> usize {
        120 * 1024
    }
}

impl Ssh {
    fn login(&self, user: &str) -> String {
        match &self.settings {
            TransportSettings::Ssh { login, .. } => login.replace("{user}", user),
            TransportSettings::Local => user.to_owned(),
        }
    }

    fn host(&self) -> &str {
        match &self.settings {
            TransportSettings::Ssh { host, .. } => host,
            TransportSettings::Local => "",
        }
    }

    fn told(&self, user: &str, finished: Finished, command: &Command) -> Result<Ran> {
        let way = Way {
            login: &self.login(user),
            host: self.host(),
        };
        end::told(way, finished, command).map_err(|mut error| {
            if let Some(remedy) = self.remedy(&error) {
                error.message = remedy;
            }
            error
        })
    }

    /// What a person has to mend, in words that say where: ssh's own are six lines of warning.
    fn remedy(&self, error: &Error) -> Option<String> {
        let TransportSettings::Ssh {
            host,
            known_hosts_file,
            ..
        } = &self.settings
        else {
            return None;
        };
        let (said, file) = (&error.message, known_hosts_file.display());
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
        is_denied_login(error).then(|| {
            format!("{said}; does {host} know the key in `transport.identity_file` for that login?")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn command(acts: bool) -> Command {
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

    #[test]
    fn ten_thousand_numbers_are_one_argument_of_ssh() {
        let numbers = (9_990_000..10_000_000).map(|number: u64| number.to_string());
        let line = far_line(&numbers.collect::<Vec<_>>(), &command(false));
        assert!(line.len() < 128 * 1024, "{}", line.len());
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
        assert_eq!(in_time.stderr, b"alcyone begins\n\nalcyone rc=0\n");
        let late = sh(&line(now - 60));
        assert_eq!(
            (late.stdout.as_slice(), late.status.code()),
            (HEADER.as_bytes(), Some(75))
        );
        let finished = Finished {
            code: Some(75),
            stdout: late.stdout,
            stderr: format!("greeting\n{}", String::from_utf8(late.stderr).unwrap()),
        };
        let way = Way {
            login: "alice",
            host: "login1",
        };
        let error = end::told(way, finished, &command(true)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}
