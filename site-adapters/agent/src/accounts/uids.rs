//! The number behind a user's name, by passwd(5) and by whatever directory service the machine knows
//! people from (NSS).

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::AccountError;
use super::command::PATH;
use super::recent::Recent;
use crate::passwd::uid_of;

const LASTS: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) struct Uids {
    /// As id(1): `-u -- NAME`.
    program: OsString,
    patience: Duration,
    known: Arc<Recent<String, u32>>,
}

impl Default for Uids {
    fn default() -> Self {
        Self::asking("id".into(), PATIENCE)
    }
}

impl Uids {
    pub(super) fn asking(program: OsString, patience: Duration) -> Self {
        Self {
            program,
            patience,
            known: Arc::new(Recent::new(LASTS)),
        }
    }

    /// `None` for a name that this machine has no user for; the scheduler's may have one.
    pub(super) async fn of(&self, user: &str) -> Result<Option<u32>, AccountError> {
        let name = user.to_owned();
        if let Some(uid) = self.known.find(&name) {
            return Ok(Some(uid));
        }
        let local = spawn_blocking(move || uid_of(&name)).await.ok();
        let uid = match local.flatten() {
            Some(uid) => Some(uid),
            None => self.in_directory(user).await?,
        };
        if let Some(uid) = uid {
            self.known.keep(user.to_owned(), uid);
        }
        Ok(uid)
    }

    async fn in_directory(&self, user: &str) -> Result<Option<u32>, AccountError> {
        let mut command = Command::new(&self.program);
        command
            .args(["-u", "--", user])
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = match timeout(self.patience, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                tracing::warn!(
                    user,
                    "there is no `id` here to look a user up; known by name only"
                );
                return Ok(None);
            }
            Ok(Err(error)) => return Err(AccountError::Unusable(format!("`id`: {error}"))),
            Err(_) => {
                let seconds = self.patience.as_secs();
                let words = format!("`id -u {user}` did not answer within {seconds} s");
                return Err(AccountError::Unavailable(words));
            }
        };
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(said.trim().parse().ok().filter(|_| output.status.success()))
    }
}
