use std::time::Duration;

use async_trait::async_trait;
use site_adapter::{Error, ErrorKind, Result};

use super::{Command, Dress, Ran, Transport, checked, child};
use crate::config::KILL_AFTER_SECONDS;

/// Commands on this host.
#[derive(Debug)]
pub(crate) struct Local {
    dress: Dress,
    /// Who this process is, by passwd(5).
    own_user: Option<String>,
}

impl Local {
    pub(super) fn new(dress: Dress) -> Self {
        Self {
            dress,
            own_user: own_user(),
        }
    }
}

#[async_trait]
impl Transport for Local {
    async fn run(&self, user: &str, command: &Command) -> Result<Ran> {
        let user = checked(user, command.operation)?;
        if self.dress.is_bare() && self.own_user.as_deref() != Some(user) {
            let own = self.own_user.as_deref().unwrap_or("another user");
            let message = format!(
                "the agent runs as {own} and cannot run commands as {user}; set `run_as`, such as \
                 [\"/usr/bin/sudo\", \"-n\", \"-u\", \"{{user}}\", \"--\"]"
            );
            return Err(Error::new(
                ErrorKind::Unauthorized,
                command.operation,
                message,
            ));
        }
        let argv = self.dress.argv(user, command);
        // The time limit on the host comes first, and its word is clearer than ours.
        let limit = Duration::from_secs(command.seconds + KILL_AFTER_SECONDS + 2);
        let finished = child::run(&argv, command, limit).await?;
        let code = finished
            .code
            .ok_or_else(|| command.lost("a signal ended it"))?;
        Ok(Ran {
            operation: command.operation,
            code,
            stdout: finished.stdout,
            stderr: finished.stderr,
        })
    }

    fn is_remote(&self) -> bool {
        false
    }
}

fn own_user() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    })
}
