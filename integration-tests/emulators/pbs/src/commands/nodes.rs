//! `pbsnodes -a -F json`.

use anyhow::Result;

use super::say;
use crate::output::{Dialect, Value, envelope};
use crate::queues::{NODE_CPUS, NODE_GPUS, NODES};
use crate::schedule::taken;
use crate::server::Server;
use crate::state::Phase;

pub(super) fn run(server: &Server) -> Result<u8> {
    let locked = server.lock()?;
    let taken = taken(&locked.state);
    let told = NODES.iter().map(|name| {
        let (cpus, gpus) = taken.get(*name).copied().unwrap_or_default();
        let jobs: Vec<String> = locked
            .state
            .jobs
            .values()
            .flat_map(|job| job.tasks.iter().map(move |task| (job, task)))
            .filter(|(_, task)| {
                task.state == Phase::Running && task.hosts.iter().any(|h| h == name)
            })
            .map(|(job, task)| job.task_id(task.index))
            .collect();
        // Both words at once when pbs_comm is gone.
        let state = if server.has("comm_down") {
            "state-unknown,down"
        } else {
            "free"
        };
        let counts = |cpus: u64, gpus: u64| {
            vec![
                ("mem".to_owned(), Value::text("64gb")),
                ("ncpus".to_owned(), Value::Bare(cpus.to_string())),
                ("ngpus".to_owned(), Value::Bare(gpus.to_string())),
            ]
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
