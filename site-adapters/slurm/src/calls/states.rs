//! `GET jobs/state/`: ids and states of the jobs in slurmctld, and nothing else.
//!
//! `jobs?update_time=` is no filter: slurmctld answers with every job as soon as one has changed
//! (seen in 22.05, 24.11 and 26.05), so on a busy site it is all of `jobs` at every tick.

use std::collections::HashMap;

use serde_json::Value;
use site_adapter::Error;

use crate::answer::Answer;
use crate::dialect::ApiVersion;
use crate::states::JobState;
use crate::transport::{Family, Request};
use crate::value::words;

pub(crate) fn request(version: ApiVersion, ids: &[&str]) -> Request {
    Request {
        query: version.id_list("job_id", ids),
        ..Request::get("GET jobs/state", Family::Slurm, "/jobs/state/")
    }
}

/// What is in slurmctld, and what it does.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    jobs: HashMap<u64, JobState>,
    /// By the id of its own that a task has (`6_1`: 6); the array's is that of those that wait, and
    /// of the last.
    tasks: HashMap<u64, Vec<(u32, JobState)>>,
}

impl Queue {
    pub(crate) fn job(&self, id: u64) -> Option<&JobState> {
        self.jobs.get(&id)
    }

    pub(crate) fn tasks(&self, own: u64) -> &[(u32, JobState)] {
        self.tasks.get(&own).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn ids(self) -> impl Iterator<Item = u64> {
        self.jobs.into_keys().chain(self.tasks.into_keys())
    }
}

/// States by id. An id that is missing is not in slurmctld.
pub(crate) fn parse(answer: &Answer) -> Result<Queue, Error> {
    answer.check(&[])?;
    let mut queue = Queue::default();
    for job in answer.whole_list("jobs")? {
        let (id, task) = id(job).ok_or_else(|| answer.incomplete("job id"))?;
        let state = JobState::parse(&words(job.get("state").unwrap_or(&Value::Null)))
            .ok_or_else(|| answer.incomplete("job state that is known"))?;
        match task {
            Some(task) => queue.tasks.entry(id).or_default().push((task, state)),
            None => drop(queue.jobs.insert(id, state)),
        }
    }
    Ok(queue)
}

/// `7`, `"7"`, or `"6_1"` for a task. A part of a heterogeneous job (`"9+1"`) is never ours.
fn id(job: &Value) -> Option<(u64, Option<u32>)> {
    let text = match job.get("job_id")? {
        Value::Number(id) => return Some((id.as_u64()?, None)),
        Value::String(text) => text,
        _ => return None,
    };
    if let Some((id, task)) = text.split_once('_') {
        return Some((id.parse().ok()?, Some(task.parse().ok()?)));
    }
    let digits = text.split('+').next()?;
    Some((digits.parse().ok()?, None))
}
