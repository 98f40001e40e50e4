//! The scheduler's cycle: what can be started is, in the order of submission.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::queues::{NODE_CPUS, NODE_GPUS, NODES, queue};
use crate::server::Locked;
use crate::state::{Job, Phase, SERVER, State};
use crate::times::{clock, now};

/// Processors and accelerators that are taken, by node.
type Taken = BTreeMap<String, (u64, u64)>;

pub(crate) fn cycle(locked: &mut Locked<'_>) -> Result<()> {
    for id in settle_dependencies(&mut locked.state) {
        let server = locked.server;
        server.account('A', &id, "Job deleted as result of dependency")?;
    }
    if locked.server.has("history_off") {
        forget(&mut locked.state);
    }
    let ids: Vec<u64> = locked.state.jobs.keys().copied().collect();
    let mut started = Vec::new();
    for seq in ids {
        let mut taken = taken(&locked.state);
        let Some(job) = locked.job(seq) else { continue };
        if job.is_over() || job.held || job.waiting_for_depend {
            continue;
        }
        if queue(&job.queue).is_none_or(|queue| !queue.started) {
            "Not Running: Queue not started.".clone_into(&mut job.comment);
            continue;
        }
        started.extend(
            start_tasks(job, &mut taken)
                .into_iter()
                .map(|index| (seq, index)),
        );
    }
    locked.save()?;
    for (seq, index) in started {
        if let Some(job) = locked.state.jobs.get(&seq) {
            locked
                .server
                .account('S', &job.task_id(index), &accounting(job, Some(index)))?;
        }
        spawn_mom(locked, seq, index)?;
    }
    Ok(())
}

/// Who waits for one of them has had its verdict; who comes later waits for a job that nobody knows.
fn forget(state: &mut State) {
    for job in state.jobs.values_mut().filter(|job| job.is_over()) {
        job.forgotten = true;
    }
}

fn start_tasks(job: &mut Job, taken: &mut Taken) -> Vec<usize> {
    let running = job
        .tasks
        .iter()
        .filter(|task| task.state == Phase::Running)
        .count();
    let mut left = job.at_once.unwrap_or(usize::MAX).saturating_sub(running);
    let mut started = Vec::new();
    let waiting: Vec<usize> = (0..job.tasks.len())
        .filter(|at| {
            job.tasks
                .get(*at)
                .is_some_and(|t| t.state == Phase::Waiting)
        })
        .collect();
    for at in waiting {
        let Some(hosts) = fitting(job, taken) else {
            job.comment = shortage(job);
            return started;
        };
        if left == 0 {
            return started;
        }
        left -= 1;
        for host in &hosts {
            let entry = taken.entry(host.clone()).or_default();
            *entry = if job.exclusive {
                (NODE_CPUS, NODE_GPUS)
            } else {
                (entry.0 + job.cpus, entry.1 + job.gpus)
            };
        }
        let now = now();
        let day = crate::times::formatted(now, "%a %b %d at %H:%M");
        let comment = format!(
            "Job run at {day} on ({}:ncpus={})",
            hosts.join("+"),
            job.cpus
        );
        if let Some(task) = job.tasks.get_mut(at) {
            task.state = Phase::Running;
            task.substate = 42;
            task.stime = Some(now);
            task.run_count += 1;
            task.hosts = hosts;
            task.comment.clone_from(&comment);
            started.push(task.index);
        }
        job.comment = comment;
        job.mtime = now;
    }
    started
}

fn fitting(job: &Job, taken: &Taken) -> Option<Vec<String>> {
    let fits = |host: &&str| {
        let (cpus, gpus) = taken.get(*host).copied().unwrap_or_default();
        let is_idle = cpus == 0 && gpus == 0;
        cpus + job.cpus <= NODE_CPUS && gpus + job.gpus <= NODE_GPUS && (is_idle || !job.exclusive)
    };
    let hosts: Vec<String> = NODES
        .iter()
        .copied()
        .filter(|host| fits(host))
        .map(str::to_owned)
        .collect();
    (hosts.len() >= job.nodes).then(|| hosts.into_iter().take(job.nodes).collect())
}

pub(crate) fn taken(state: &State) -> Taken {
    let mut taken = Taken::new();
    for job in state.jobs.values() {
        for host in job
            .tasks
            .iter()
            .filter(|t| t.state == Phase::Running)
            .flat_map(|t| &t.hosts)
        {
            let entry = taken.entry(host.clone()).or_default();
            *entry = if job.exclusive {
                (NODE_CPUS, NODE_GPUS)
            } else {
                (entry.0 + job.cpus, entry.1 + job.gpus)
            };
        }
    }
    taken
}

fn shortage(job: &Job) -> String {
    if job.cpus > NODE_CPUS {
        return format!(
            "Can Never Run: Insufficient amount of resource: ncpus (R: {} A: {NODE_CPUS} T: {NODE_CPUS})",
            job.cpus
        );
    }
    if job.gpus > NODE_GPUS {
        return format!(
            "Can Never Run: Insufficient amount of resource: ngpus (R: {} A: {NODE_GPUS} T: {NODE_GPUS})",
            job.gpus
        );
    }
    let short = if job.gpus > 0 { "ngpus" } else { "ncpus" };
    format!("Not Running: Insufficient amount of resource: {short} ")
}

/// A job whose condition can no longer come true is removed: finished, without an exit status, a start or a
/// comment. So is one that waits for a job that nobody knows.
///
/// Returns the ids of those.
fn settle_dependencies(state: &mut State) -> Vec<String> {
    let mut removed = Vec::new();
    loop {
        let mut changed = false;
        let ids: Vec<u64> = state.jobs.keys().copied().collect();
        for seq in ids {
            let verdict = state
                .jobs
                .get(&seq)
                .filter(|job| job.waiting_for_depend)
                .map(|job| {
                    let verdicts: Vec<Option<bool>> = job
                        .depend
                        .iter()
                        .map(|(kind, of)| came_true(kind, state.jobs.get(of)))
                        .collect();
                    if verdicts.contains(&Some(false)) {
                        Some(false)
                    } else {
                        verdicts
                            .iter()
                            .all(|verdict| *verdict == Some(true))
                            .then_some(true)
                    }
                });
            let (Some(Some(verdict)), Some(job)) = (verdict, state.jobs.get_mut(&seq)) else {
                continue;
            };
            changed = true;
            job.waiting_for_depend = false;
            if !verdict {
                removed.push(job.id());
                job.mtime = now();
                for task in &mut job.tasks {
                    task.state = Phase::Over;
                    task.substate = 92;
                }
            }
        }
        if !changed {
            return removed;
        }
    }
}

/// `None`: not yet known.
fn came_true(kind: &str, of: Option<&Job>) -> Option<bool> {
    let Some(of) = of.filter(|of| !of.forgotten) else {
        return Some(false);
    };
    if !of.is_over() {
        return None;
    }
    Some(match kind {
        "afterok" => of.exit_status() == Some(0),
        "afternotok" => of.exit_status() != Some(0),
        _ => true,
    })
}

fn spawn_mom(locked: &Locked<'_>, seq: u64, index: usize) -> Result<()> {
    let program = locked.server.path("bin/pbs_mom");
    let mut command = Command::new(program);
    command.arg(seq.to_string()).arg(index.to_string());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.process_group(0).spawn()?;
    Ok(())
}

/// The message of a line of the accounting log.
pub(crate) fn accounting(job: &Job, index: Option<usize>) -> String {
    let mut words = vec![format!("user={} group={}", job.owner, job.owner)];
    if let Some(account) = &job.account {
        words.push(format!("account=\"{account}\""));
    }
    words.push(format!(
        "project=_pbs_project_default jobname={} queue={} ctime={} qtime={}",
        job.name, job.queue, job.ctime, job.ctime
    ));
    let task = index.and_then(|index| job.tasks.iter().find(|task| task.index == index));
    if let Some(task) = task {
        words.extend(task.stime.map(|stime| format!("start={stime}")));
        let hosts: Vec<String> = task
            .hosts
            .iter()
            .map(|host| format!("{host}/0*{}", job.cpus))
            .collect();
        words.push(format!("exec_host={}", hosts.join("+")));
    }
    words.extend(
        job.resources
            .iter()
            .map(|(name, value)| format!("Resource_List.{name}={value}")),
    );
    if let Some((task, end)) = task.and_then(|task| Some((task, task.obittime?))) {
        let ran = end - task.stime.unwrap_or(end);
        words.push(format!(
            "session=1 end={end} Exit_status={}",
            task.exit_status.unwrap_or(0)
        ));
        words.push(format!(
            "resources_used.walltime={} run_count={}",
            clock(ran),
            task.run_count
        ));
    }
    words.join(" ")
}

/// `25`, `7[]` or `7[3]`, with or without the server's name.
pub(crate) fn parse_id(id: &str) -> Option<(u64, Option<&str>)> {
    let id = id.split('@').next().unwrap_or(id);
    let number = match id.split_once('.') {
        Some((number, server)) if server.eq_ignore_ascii_case(SERVER) => number,
        Some(_) => return None,
        None => id,
    };
    match number.split_once('[') {
        Some((seq, index)) => Some((seq.parse().ok()?, Some(index.strip_suffix(']')?))),
        None => Some((number.parse().ok()?, None)),
    }
}
