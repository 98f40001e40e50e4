//! The number behind a user's name, by passwd(5) and by whatever directory service the machine knows
//! people from (NSS).

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::AccountError;
use super::command::PATH;

const LASTS: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(10);
/// More than a site has users; beyond it all are looked up again.
const MOST: usize = 20_000;

#[derive(Clone, Debug)]
pub(super) struct Uids {
    /// As id(1): `-u -- NAME`.
    program: OsString,
    patience: Duration,
    known: Arc<Mutex<HashMap<String, (Instant, u32)>>>,
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
            known: Arc::default(),
        }
    }

    /// `None` for a name that this machine has no user for; the scheduler's may have one.
    pub(super) async fn of(&self, user: &str) -> Result<Option<u32>, AccountError> {
        let known = self.known().get(user).copied();
        if let Some((at, uid)) = known
            && at.elapsed() < LASTS
        {
            return Ok(Some(uid));
        }
        let name = user.to_owned();
        let local = spawn_blocking(move || in_passwd(&name)).await.ok();
        let uid = match local.flatten() {
            Some(uid) => Some(uid),
            None => self.in_directory(user).await?,
        };
        if let Some(uid) = uid {
            self.remember(user, uid);
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

    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, u32)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, user: &str, uid: u32) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(user.to_owned(), (Instant::now(), uid));
    }
}

pub(super) fn in_passwd(user: &str) -> Option<u32> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        (name == user).then_some(uid)
    })
}
