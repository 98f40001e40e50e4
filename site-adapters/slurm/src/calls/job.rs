//! `GET job/ID` and `GET jobs`: jobs as slurmctld knows them.

use jiff::Timestamp;
use serde_json::Value;
use site_adapter::Error;

use crate::answer::{Answer, INVALID_JOB_ID};
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

/// When Slurm expects a waiting job to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// Those it may run in, with commas between.
    pub(crate) partitions: String,
    pub(crate) start: Timestamp,
}

pub(crate) fn forecasts(answer: &Answer) -> Result<Vec<Forecast>, Error> {
    answer.check(&[])?;
    let jobs = answer.whole_list("jobs")?.iter();
    Ok(jobs.filter_map(forecast).collect())
}

fn forecast(job: &Value) -> Option<Forecast> {
    let state = JobState::parse(&words(job.get("job_state")?))?;
    Some(Forecast {
        partitions: job.get("partition")?.as_str()?.to_owned(),
        start: time(job.get("start_time")?).filter(|_| state.phase == Phase::Waiting)?,
    })
}
