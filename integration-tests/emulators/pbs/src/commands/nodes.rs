//! `pbsnodes -a -F json`.

use anyhow::Result;

use super::say;
use crate::output::{Dialect, Value, envelope};
use crate::queues::{NODE_CPUS, NODE_GPUS, NODES};
use crate::server::Server;
use crate::state::{Job, Phase, State, Task};

pub(super) fn run(server: &Server) -> Result<u8> {
    let locked = server.lock()?;
    let told = NODES.iter().map(|name| {
        let running = running(&locked.state, name);
        let sum = |of: fn(&Job) -> u64| -> u64 { running.iter().map(|(job, _)| of(job)).sum() };
        let (cpus, gpus) = (sum(|job| job.cpus), sum(|job| job.gpus));
        let ids = running.iter().map(|(job, task)| job.task_id(task.index));
        let jobs: Vec<String> = ids.collect();
        // Both words at once when pbs_comm is gone.
        let state = if server.has("comm_down") {
            "state-unknown,down"
        } else if running.iter().any(|(job, _)| job.exclusive) {
            "job-exclusive"
        } else if cpus == NODE_CPUS {
            "job-busy"
        } else {
            "free"
        };
        let has_gpus = !server.has("no_gpus");
        let counts = |cpus: u64, gpus: u64| {
            let gpus = ("ngpus".to_owned(), Value::Bare(gpus.to_string()));
            let mut counts = vec![
                ("mem".to_owned(), Value::text("64gb")),
                ("ncpus".to_owned(), Value::Bare(cpus.to_string())),
            ];
            counts.extend(has_gpus.then_some(gpus));
            counts
        };
        let mut node = vec![
            ("Mom".to_owned(), Value::text(*name)),
            ("ntype".to_owned(), Value::text("PBS")),
            ("state".to_owned(), Value::text(state)),
        ];
        if !jobs.is_empty() {
            node.push(("jobs".to_owned(), Value::List(jobs)));
        }
        node.push((
            "resources_available".to_owned(),
            Value::Object(counts(NODE_CPUS, NODE_GPUS)),
        ));
        node.push((
            "resources_assigned".to_owned(),
            Value::Object(counts(cpus, gpus)),
        ));
        ((*name).to_owned(), Value::Object(node))
    });
    say(&envelope(Some(("nodes", told.collect())), Dialect::Release));
    Ok(0)
}

/// What a node runs.
fn running<'a>(state: &'a State, node: &str) -> Vec<(&'a Job, &'a Task)> {
    let jobs = state.jobs.values();
    let tasks = jobs.flat_map(|job| job.tasks.iter().map(move |task| (job, task)));
    let there = |task: &Task| task.hosts.iter().any(|host| host == node);
    tasks
        .filter(|(_, task)| task.state == Phase::Running && there(task))
        .collect()
}
