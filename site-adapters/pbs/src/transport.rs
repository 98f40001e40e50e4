//! How a command reaches PBS: on this host, or on a login node over ssh.

mod child;
mod local;
mod pace;
mod quote;
mod ssh;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use site_adapter::{Error, ErrorKind, Result};

pub(crate) use child::Finished;
pub(crate) use local::Local;
pub(crate) use pace::Pace;
pub(crate) use ssh::Ssh;
pub(crate) use ssh::end as ssh_end;

use crate::config::{KILL_AFTER_SECONDS, PbsSettings, TransportSettings, is_local_user};

pub(crate) use quote::quoted;

/// One command, not yet dressed for its user.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// Without its arguments, for messages: `qstat`.
    pub(crate) operation: &'static str,
    /// A full path.
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) seconds: u64,
    pub(crate) most_bytes: usize,
    /// Whether it changes anything when it runs: then no answer is no proof of anything.
    pub(crate) acts: bool,
    /// It must not begin after this, however late it arrives.
    pub(crate) not_after: Option<Timestamp>,
}

/// What a command that ran left behind.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) operation: &'static str,
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// The way to the host with PBS's commands.
///
/// An error of kind [`ErrorKind::Unavailable`] is proof that the command did not begin, or that it
/// changes nothing; [`ErrorKind::Unclear`] says that it may have run.
#[async_trait]
pub(crate) trait Transport: fmt::Debug + Send + Sync + 'static {
    async fn run(&self, user: &str, command: &Command) -> Result<Ran>;

    fn is_remote(&self) -> bool;

    /// How many bytes of arguments a command may have, with room for what stands before them.
    fn most_argument_bytes(&self) -> usize;
}

/// A connection that was there and went under the command: another one may do better.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost")]
struct Broke;

pub(crate) fn broke(error: &Error) -> bool {
    let source = error.source.as_ref();
    source.is_some_and(|source| source.is::<Broke>())
}

/// A login that is not let in: one person's, where everybody has their own.
#[derive(Debug, thiserror::Error)]
#[error("the login was denied")]
pub(crate) struct DeniedLogin;

pub(crate) fn is_denied_login(error: &Error) -> bool {
    let source = error.source.as_ref();
    source.is_some_and(|source| source.is::<DeniedLogin>())
}

pub(crate) fn open(settings: &PbsSettings) -> Arc<dyn Transport> {
    let dress = Dress::new(settings);
    match &settings.transport {
        TransportSettings::Local => Arc::new(Local::new(dress)),
        TransportSettings::Ssh { .. } => Arc::new(Ssh::new(dress, settings.transport.clone())),
    }
}

/// What stands before a command on the host that runs it.
#[derive(Clone, Debug)]
pub(crate) struct Dress {
    run_as: Vec<String>,
    environment: Vec<(String, String)>,
    home: String,
}

impl Dress {
    fn new(settings: &PbsSettings) -> Self {
        let mut environment = vec![
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            // PBS tells times in the client's zone and does not say which.
            ("TZ".to_owned(), "UTC".to_owned()),
            ("LC_ALL".to_owned(), "C".to_owned()),
            ("PBS_CONF_FILE".to_owned(), settings.conf_file.clone()),
        ];
        if let Some(server) = &settings.server {
            environment.push(("PBS_SERVER".to_owned(), server.clone()));
        }
        Self {
            run_as: settings.run_as.clone(),
            environment,
            home: settings.home.clone(),
        }
    }

    /// The whole argument vector: as the user, in an environment of ours alone, and ended by
    /// timeout(1) on the host itself, since the end of ssh or sudo does not end what they started.
    ///
    /// Nothing has to bring a command to the user that starts it.
    fn argv(&self, user: &str, is_own: bool, command: &Command) -> Vec<String> {
        let run_as = self.run_as.iter().filter(|_| !is_own);
        let mut argv: Vec<String> = run_as.map(|word| word.replace("{user}", user)).collect();
        argv.extend(["/usr/bin/env".to_owned(), "-i".to_owned()]);
        let own = self.environment.iter();
        argv.extend(own.map(|(name, value)| format!("{name}={value}")));
        argv.push(format!("HOME={}", self.home.replace("{user}", user)));
        argv.extend(["USER", "LOGNAME"].map(|name| format!("{name}={user}")));
        argv.extend([
            "/usr/bin/timeout".to_owned(),
            format!("--kill-after={KILL_AFTER_SECONDS}"),
            command.seconds.to_string(),
            command.program.clone(),
        ]);
        argv.extend(command.args.iter().cloned());
        argv
    }

    /// Whether commands run as whoever starts them.
    fn is_bare(&self) -> bool {
        self.run_as.is_empty()
    }
}

/// Nothing is done for a user whose name could be anything else, or for root.
fn checked<'a>(user: &'a str, operation: &'static str) -> Result<&'a str> {
    if is_local_user(user) {
        return Ok(user);
    }
    Err(Error::new(
        ErrorKind::Unauthorized,
        operation,
        no_user(user),
    ))
}

pub(crate) fn no_user(user: &str) -> String {
    let quoted = user.escape_debug();
    format!("`{quoted}` is no ordinary user's name; correct the site's account table")
}

impl Ran {
    /// What sudo says of its own host before a command that then runs well is no word of the command's.
    fn told(command: &Command, code: i32, stdout: Vec<u8>, said: &str) -> Self {
        let mut stderr = said;
        while code == 0 && stderr.starts_with("sudo: ") {
            stderr = stderr.split_once('\n').map_or("", |(_, rest)| rest);
        }
        Self {
            operation: command.operation,
            code,
            stdout,
            stderr: stderr.to_owned(),
        }
    }
}

impl Command {
    /// No answer came; what that means depends on what was asked.
    fn lost(&self, message: impl Into<String>) -> Error {
        let kind = if self.acts {
            ErrorKind::Unclear
        } else {
            ErrorKind::Unavailable
        };
        Error::new(kind, self.operation, message)
    }

    fn not_begun(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unavailable, self.operation, message)
    }
}
