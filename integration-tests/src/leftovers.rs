use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Ends the jobs that a failed test left behind: they outlive their agent by design, and their walltime
/// is minutes.
pub(crate) fn end_jobs(installation: &Path) {
    for agent in entries(installation) {
        for job in entries(&agent.join("jobs/live")) {
            if let Some(pid) = running(&job) {
                // Its wrapper passes the signal on, and SIGKILL after it.
                let _ended_meanwhile = kill_process(pid, Signal::TERM);
            }
        }
    }
}

/// The wrapper of a job that has not ended; by number and start time, since numbers are given again.
fn running(job: &Path) -> Option<Pid> {
    if job.join("exit").exists() {
        return None;
    }
    let text = std::fs::read_to_string(job.join("pid")).ok()?;
    let (pid, rest) = text.split_once(' ')?;
    let started = rest.split_whitespace().next()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let now_started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    (now_started == started).then_some(())?;
    Pid::from_raw(pid.parse().ok()?)
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten();
    listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}
