//! A child process with bounds on its time and on what it says.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use site_adapter::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command as Process};

use super::Command;

const MOST_STDERR: usize = 64 * 1024;
/// A kept ssh connection may hold on to standard error after the session is over.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// Between our SIGTERM and our SIGKILL; sudo hands on the first and cannot be sent the second.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs the words with an empty environment, in a process group of its own.
pub(super) async fn run(argv: &[String], command: &Command, limit: Duration) -> Result<Finished> {
    let [program, words @ ..] = argv else {
        return Err(Error::new(
            ErrorKind::Local,
            command.operation,
            "no program to run",
        ));
    };
    let mut process = Process::new(program);
    process
        .args(words)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = process.spawn().map_err(|error| {
        let message = format!("{program} does not start; is the path right?");
        command.not_begun(message).caused_by(error)
    })?;
    let group = child.id();
    if let Ok(finished) = tokio::time::timeout(limit, converse(&mut child, command)).await {
        finished
    } else {
        stop(&mut child, group).await;
        let seconds = limit.as_secs();
        Err(command.lost(format!("no answer within {seconds} s; it was stopped")))
    }
}

async fn converse(child: &mut Child, command: &Command) -> Result<Finished> {
    let broken = |error| {
        command
            .lost("its output could not be read")
            .caused_by(error)
    };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // It may have ended without reading; its exit code says more.
            let _ = stdin.write_all(&command.stdin).await;
            let _ = stdin.shutdown().await;
        }
    };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let most = command.most_bytes as u64 + 1;
    let read = async {
        match stdout {
            Some(stdout) => stdout.take(most).read_to_end(&mut said).await.map(drop),
            None => Ok(()),
        }
    };
    let errors = async {
        if let Some(stderr) = stderr {
            let mut bounded = stderr.take(MOST_STDERR as u64);
            while bounded.read_buf(&mut complained).await.unwrap_or(0) > 0 {}
        }
    };
    let status = {
        tokio::pin!(errors);
        let mut are_complete = false;
        let talk = async { tokio::join!(write, read).1 };
        tokio::pin!(talk);
        let told = loop {
            tokio::select! {
                told = &mut talk => break told,
                () = &mut errors, if !are_complete => are_complete = true,
            }
        };
        told.map_err(broken)?;
        let status = child.wait().await.map_err(broken)?;
        if !are_complete {
            let _ = tokio::time::timeout(LAST_WORDS, errors).await;
        }
        status
    };
    if said.len() > command.most_bytes {
        let message = format!("it said more than {} bytes", command.most_bytes);
        return Err(Error::new(ErrorKind::Protocol, command.operation, message));
    }
    Ok(Finished {
        code: status.code(),
        stdout: said,
        stderr: String::from_utf8_lossy(&complained).into_owned(),
    })
}

async fn stop(child: &mut Child, group: Option<u32>) {
    let group = group
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    let _ = child.start_kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(acts: bool) -> Command {
        Command {
            operation: "test",
            program: "/bin/sh".to_owned(),
            args: Vec::new(),
            stdin: b"in".to_vec(),
            seconds: 1,
            most_bytes: 100,
            acts,
            not_after: None,
        }
    }

    async fn sh(script: &str, acts: bool, limit: Duration) -> Result<Finished> {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned);
        run(&argv, &command(acts), limit).await
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn both_streams_and_the_exit_code_are_told() {
        let ran = sh("cat; echo bad >&2; exit 3", false, LONG).await.unwrap();
        assert_eq!((ran.code, ran.stdout.as_slice()), (Some(3), &b"in"[..]));
        assert_eq!(ran.stderr, "bad\n");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_stopped_and_what_it_did_is_unclear_only_if_it_acts() {
        let brief = Duration::from_millis(200);
        let asked = sh("sleep 600", false, brief).await.unwrap_err();
        assert_eq!(asked.kind, ErrorKind::Unavailable);
        let acted = sh("trap '' TERM; sleep 600", true, brief)
            .await
            .unwrap_err();
        assert_eq!(acted.kind, ErrorKind::Unclear);
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let error = sh("yes", false, LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol);
    }

    /// What ssh's kept connection does with standard error.
    #[tokio::test]
    async fn a_process_left_behind_does_not_hold_up_the_answer() {
        let ran = sh("echo told; sleep 600 >/dev/null & exit 0", false, LONG).await;
        assert_eq!(ran.unwrap().stdout, b"told\n");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_has_surely_done_nothing() {
        let argv = ["/no/such/program".to_owned()];
        let error = run(&argv, &command(true), LONG).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}
