//! `GET job/ID` and `GET jobs`: jobs as slurmctld knows them.

use jiff::Timestamp;
use serde_json::Value;
use site_adapter::Error;

use crate::answer::{Answer, INVALID_JOB_ID};
use crate::gres::tracked;
use crate::record::{JobRecord, Owner, Task};
use crate::states::{JobState, Phase};
use crate::transport::{Family, Request};
use crate::value::{exit, indices, number, small, text, time, words};

pub(crate) fn request(id: &str) -> Request {
    Request::get("GET job", Family::Slurm, format!("/job/{id}"))
}

/// Every job slurmctld knows: only for a queue that is known to be short.
pub(crate) fn all() -> Request {
    Request::get("GET jobs", Family::Slurm, "/jobs")
}

/// A job, or the tasks of an array; nothing when slurmctld says that it has no such job.
pub(crate) fn parse(answer: &Answer) -> Result<Vec<JobRecord>, Error> {
    if answer.has(INVALID_JOB_ID) {
        return Ok(Vec::new());
    }
    parse_all(answer)
}

pub(crate) fn parse_all(answer: &Answer) -> Result<Vec<JobRecord>, Error> {
    answer.check(&[])?;
    answer
        .whole_list("jobs")?
        .iter()
        .map(|job| record(job).map_err(|what| answer.incomplete(what)))
        .collect()
}

fn record(job: &Value) -> Result<JobRecord, &'static str> {
    let field = |name: &str| job.get(name).unwrap_or(&Value::Null);
    let name_of = |name: &str| field(name).as_str().unwrap_or_default().to_owned();
    Ok(JobRecord {
        id: number(field("job_id")).ok_or("job id")?,
        name: name_of("name"),
        comment: name_of("comment"),
        state: JobState::parse(&words(field("job_state"))).ok_or("job state that is known")?,
        reason: text(field("state_reason")).map(str::to_owned),
        submitted_at: time(field("submit_time")).ok_or("submit time")?,
        start: time(field("start_time")),
        ended_at: time(field("end_time")),
        has_nodes: text(field("nodes")).is_some(),
        exit: exit(field("exit_code")),
        task: task(
            field("array_job_id"),
            field("array_task_id"),
            field("array_task_string"),
        ),
        restarts: number(field("restart_cnt")).unwrap_or(0),
        was_killed: None,
        waited: false,
        gpus: text(field("tres_req_str")).and_then(tracked),
        owner: Some(Owner {
            name: text(field("user_name")).map(str::to_owned),
            uid: number(field("user_id")),
        }),
    })
}

/// Those that wait together have no number and a list of their indices; to v0.0.38 a job that is of
/// no array has an array id of 0.
fn task(array: &Value, index: &Value, list: &Value) -> Option<Task> {
    let array = number(array).filter(|array| *array > 0)?;
    let indices = match list.as_str().filter(|list| !list.is_empty()) {
        Some(list) => indices(list),
        None => vec![small(index)?],
    };
    Some(Task { array, indices })
}

/// What a snapshot counts of a job that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Those it may run in, with commas between; of one that runs, where it does.
    pub(crate) partitions: String,
    /// Of an array's tasks that wait together: how many.
    pub(crate) jobs: u32,
    pub(crate) waits: bool,
    /// When Slurm expects it to start, or it did.
    pub(crate) start: Option<Timestamp>,
}

impl Placed {
    pub(crate) fn is_in(&self, partition: &str) -> bool {
        let mut listed = self.partitions.split(',');
        listed.any(|listed| listed == partition)
    }
}

pub(crate) fn placed(answer: &Answer) -> Result<Vec<Placed>, Error> {
    answer.check(&[])?;
    let jobs = answer.whole_list("jobs")?.iter();
    Ok(jobs.filter_map(placed_job).collect())
}

fn placed_job(job: &Value) -> Option<Placed> {
    let field = |name: &str| job.get(name).unwrap_or(&Value::Null);
    let state = JobState::parse(&words(field("job_state")))?;
    if matches!(state.phase, Phase::Over(_)) {
        return None;
    }
    let tasks = indices(field("array_task_string").as_str().unwrap_or_default());
    Some(Placed {
        partitions: field("partition").as_str()?.to_owned(),
        jobs: u32::try_from(tasks.len()).unwrap_or(u32::MAX).max(1),
        waits: state.phase == Phase::Waiting,
        start: time(field("start_time")),
    })
}
