use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Signal, getpid, kill_process};

use super::Fault;
use crate::commands;

/// Longer than anybody waits for a command.
const SILENCE: Duration = Duration::from_mins(2);
/// What ssh exits with when it has nothing of the far side's to exit with.
const SSH_FAILED: u8 = 255;

/// One command on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    pub(super) folder: &'a Path,
    pub(super) name: &'a str,
    pub(super) args: &'a [String],
}

impl Way<'_> {
    pub(super) fn play(self, fault: Fault) -> Result<u8> {
        match fault {
            Fault::Passed => self.pass(),
            Fault::Delayed(time) => {
                std::thread::sleep(time);
                self.pass()
            }
            Fault::CutBefore => self.die(),
            Fault::CutAfter => {
                self.act()?;
                self.die()
            }
            Fault::ErrorBefore => Ok(self.refuse()),
            Fault::ErrorAfter => {
                self.act()?;
                Ok(self.break_off())
            }
            Fault::Truncated(bytes) => {
                self.tell(bytes)?;
                self.die()
            }
            Fault::Late(time) => {
                self.leave_behind(time)?;
                self.die()
            }
            Fault::Silenced(asked) => {
                if asked {
                    self.act()?;
                }
                std::thread::sleep(SILENCE);
                self.die()
            }
        }
    }

    fn is_ssh(self) -> bool {
        self.name == "ssh"
    }

    /// The command at the server: sshd gives the last argument to the login's shell.
    fn words(self) -> Result<Vec<String>> {
        if self.is_ssh() {
            let line = self.args.last().context("no command for ssh")?;
            return Ok(["/bin/sh", "-c", line].map(str::to_owned).to_vec());
        }
        let program = self.folder.join("bin").join(self.name);
        let mut words = vec![program.display().to_string()];
        words.extend(self.args.iter().cloned());
        Ok(words)
    }

    /// In a group of its own: what ends the caller's end does not end it.
    fn command(self) -> Result<Command> {
        let words = self.words()?;
        let (program, args) = words.split_first().context("no command")?;
        let mut command = Command::new(program);
        command.args(args).process_group(0);
        Ok(command)
    }

    fn pass(self) -> Result<u8> {
        let status = self.command()?.status()?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        code.map_or_else(|| self.die(), Ok)
    }

    fn act(self) -> Result<()> {
        let mut command = self.command()?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status()?;
        Ok(())
    }

    fn tell(self, bytes: usize) -> Result<()> {
        let output = self.command()?.stdin(Stdio::inherit()).output()?;
        let told = output.stdout.get(..bytes.min(output.stdout.len()));
        // The caller may be gone.
        let _ = std::io::stdout().write_all(told.unwrap_or_default());
        let _ = std::io::stdout().flush();
        Ok(())
    }

    fn leave_behind(self, time: Duration) -> Result<()> {
        let mut input = Vec::new();
        std::io::stdin().read_to_end(&mut input)?;
        let mut command = Command::new("/bin/sh");
        command.args([
            "-c",
            "sleep \"$0\"; exec \"$@\"",
            &time.as_secs_f64().to_string(),
        ]);
        command.args(self.words()?).process_group(0);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        // It lies in the pipe, which holds more than any script of a test.
        let mut pipe = child.stdin.take().context("no pipe")?;
        pipe.write_all(&input)?;
        Ok(())
    }

    /// The caller's end of the connection is gone.
    fn die(self) -> Result<u8> {
        if self.is_ssh() {
            eprintln!("client_loop: send disconnect: Broken pipe");
            return Ok(SSH_FAILED);
        }
        kill_process(getpid(), Signal::KILL)?;
        Ok(1)
    }

    fn refuse(self) -> u8 {
        if self.is_ssh() {
            // `-l LOGIN -- HOST LINE`
            let host = self
                .args
                .iter()
                .rev()
                .nth(1)
                .map_or("login", String::as_str);
            eprintln!("ssh: connect to host {host} port 22: Connection refused");
            return SSH_FAILED;
        }
        commands::unreachable(self.name, self.args)
    }

    /// `PBSE_PROTOCOL` (15031), which is 183 as an exit code.
    fn break_off(self) -> u8 {
        if self.is_ssh() {
            eprintln!("Connection to login closed by remote host.");
            return SSH_FAILED;
        }
        eprintln!("{}: End of File", self.name);
        183
    }
}
