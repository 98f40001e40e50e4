use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::answer::{self, LONGEST_ANSWER};
use super::{AccountError, AccountMap, AccountQuestion, Mapping};

/// Where programs are looked for, whatever the agent's own environment says.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program of the site's: the question on its standard input, the answer on its standard output,
/// both JSON. No shell is in between, and no environment but `PATH`.
#[derive(Clone, Debug)]
pub struct AccountCommand {
    argv: Vec<String>,
    timeout: Duration,
}

impl AccountCommand {
    /// `argv` must name a program.
    pub fn new(argv: Vec<String>, timeout: Duration) -> Self {
        Self { argv, timeout }
    }

    fn spawn(&self) -> Result<Child, AccountError> {
        let (program, arguments) = self
            .argv
            .split_first()
            .ok_or_else(|| AccountError::Unusable("no program is named".to_owned()))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
            .spawn()
            .map_err(|error| AccountError::Unusable(format!("`{program}`: {error}")))
    }

    async fn ask(&self, child: &mut Child, message: &[u8]) -> Result<Mapping, AccountError> {
        let failed = |error: std::io::Error| AccountError::Unusable(error.to_string());
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let put = async move {
            if let Some(mut stdin) = stdin {
                // One that answers without reading closes it.
                stdin.write_all(message).await.ok();
            }
        };
        let ((), out, err) = tokio::join!(put, read(out), read(err));
        let (out, err) = (out.map_err(failed)?, err.map_err(failed)?);
        let status = child.wait().await.map_err(failed)?;
        if !status.success() {
            let said = answer::readable(&String::from_utf8_lossy(&err));
            let words = format!("the program ended with {status}: {said}");
            return Err(AccountError::Unusable(words));
        }
        if out.len() > LONGEST_ANSWER {
            return Err(answer::too_long());
        }
        answer::read(&out)
    }
}

/// One byte more than is allowed, so that it shows; the rest is left in the pipe.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let most = LONGEST_ANSWER as u64 + 1;
        pipe.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[async_trait]
impl AccountMap for AccountCommand {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let message = answer::message(question)?;
        let mut child = self.spawn()?;
        let group = child.id();
        let answer = tokio::time::timeout(self.timeout, self.ask(&mut child, &message)).await;
        answer.unwrap_or_else(|_| {
            stop(group);
            let seconds = self.timeout.as_secs();
            Err(AccountError::Unavailable(format!(
                "the program did not answer within {seconds} s"
            )))
        })
    }
}

/// Ends the program with whatever it has started.
fn stop(group: Option<u32>) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let pid = group.and_then(|group| i32::try_from(group).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // Gone already: nothing to do.
        kill_process_group(pid, Signal::KILL).ok();
    }
}

#[cfg(test)]
impl AccountCommand {
    pub(super) const fn limit(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }
}
