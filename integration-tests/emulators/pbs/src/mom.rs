//! What waits for one running job, ends it when its time is over or it was deleted, and writes down how
//! it ended.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::schedule::{accounting, cycle};
use crate::server::Server;
use crate::state::{Job, Phase};
use crate::times::now;

const LOOK: Duration = Duration::from_millis(20);
/// Between SIGTERM and SIGKILL; ten seconds at a real one.
const KILL_DELAY: Duration = Duration::from_secs(2);

/// Why a job was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Deleted,
    Walltime,
    Rerun,
    NodeLost,
}

pub fn run(server: &Server, seq: u64, index: usize) -> Result<()> {
    let job = {
        let mut locked = server.lock()?;
        locked.job(seq).context("no such job")?.clone()
    };
    let orders = server.path("orders").join(format!("{seq}.{index}"));
    let mut child = start(server, &job, index)?;
    let over_at = Instant::now() + Duration::from_secs(job.walltime.max(0).unsigned_abs());
    let mut ending: Option<(Why, Instant)> = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let order = std::fs::read_to_string(&orders).ok();
        let why = match order.as_deref() {
            Some("delete") => Some(Why::Deleted),
            Some("rerun") => Some(Why::Rerun),
            Some("lost") => Some(Why::NodeLost),
            _ => (Instant::now() >= over_at).then_some(Why::Walltime),
        };
        match (ending, why) {
            (None, Some(why @ (Why::Rerun | Why::NodeLost))) => {
                signal(&child, Signal::KILL);
                ending = Some((why, Instant::now()));
            }
            (None, Some(why)) => {
                signal(&child, Signal::TERM);
                ending = Some((why, Instant::now()));
            }
            (Some((_, since)), _) if since.elapsed() >= KILL_DELAY => signal(&child, Signal::KILL),
            _ => {}
        }
        std::thread::sleep(LOOK);
    };
    signal(&child, Signal::KILL);
    let _ = std::fs::remove_file(&orders);
    // An obit waits for a server that is down.
    while server.has("server_down") {
        std::thread::sleep(LOOK);
    }
    end(server, seq, index, status, ending.map(|(why, _)| why))
}

fn start(server: &Server, job: &Job, index: usize) -> Result<Child> {
    let script = server.path("scripts").join(job.seq.to_string());
    let mut command = Command::new("/bin/sh");
    command.arg(script).env_clear();
    command.envs([
        ("PBS_JOBID", job.task_id(index)),
        ("PBS_JOBNAME", job.name.clone()),
        ("PBS_QUEUE", job.queue.clone()),
        ("PBS_ENVIRONMENT", "PBS_BATCH".to_owned()),
        ("NCPUS", job.cpus.to_string()),
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("HOME", "/".to_owned()),
        ("USER", job.owner.clone()),
    ]);
    if job.is_array {
        command.env("PBS_ARRAY_INDEX", index.to_string());
        command.env("PBS_ARRAY_ID", job.id());
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.current_dir("/").process_group(0);
    Ok(command.spawn()?)
}

fn signal(child: &Child, signal: Signal) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

fn end(
    server: &Server,
    seq: u64,
    index: usize,
    status: ExitStatus,
    why: Option<Why>,
) -> Result<()> {
    let mut locked = server.lock()?;
    let job = locked.job(seq).context("the job is gone")?;
    job.mtime = now();
    let lost_code = server.has("lose_exit_code");
    let task = job
        .tasks
        .iter_mut()
        .find(|task| task.index == index)
        .context("no such task")?;
    let own = status
        .code()
        .unwrap_or_else(|| status.signal().map_or(0, |s| 256 + s));
    let (exit_status, substate, word) = match why {
        Some(Why::Deleted) => (271, 91, format!(" and terminated by {}@pbshead", job.owner)),
        Some(Why::Walltime) => (-29, 93, " and exceeded resource walltime".to_owned()),
        Some(Why::Rerun) => (-4, 10, String::new()),
        Some(Why::NodeLost) => (-20, 93, String::new()),
        None if lost_code || own == 0 => (0, 92, " and finished".to_owned()),
        None => (i64::from(own), 93, " and failed".to_owned()),
    };
    task.exit_status = Some(exit_status);
    task.obittime = Some(now());
    task.comment.push_str(&word);
    task.substate = substate;
    // The mom was started anew and runs what it had: `run_count` is 2 then.
    let kind = if why == Some(Why::Rerun) {
        task.state = Phase::Waiting;
        'R'
    } else {
        task.state = Phase::Over;
        'E'
    };
    let comment = task.comment.clone();
    if !job.is_array {
        job.comment = comment;
    }
    let (id, message) = (job.task_id(index), accounting(job, Some(index)));
    let parent = (job.is_array && job.is_over()).then(|| job.id());
    server.account(kind, &id, &message)?;
    if let Some(parent) = parent {
        server.account('E', &parent, &message)?;
    }
    cycle(&mut locked)
}
