//! `GET job/ID` and `GET jobs`: jobs as slurmctld knows them.

use serde_json::Value;
use site_adapter::Error;

use crate::answer::{Answer, INVALID_JOB_ID};
use crate::record::JobRecord;
use crate::states::JobState;
use crate::transport::{Family, Request};
use crate::value::{exit, number, text, time, words};

pub(crate) fn request(id: &str) -> Request {
    Request::get("GET job", Family::Slurm, format!("/job/{id}"))
}

/// Every job slurmctld knows: only for a queue that is known to be short.
pub(crate) fn all() -> Request {
    Request::get("GET jobs", Family::Slurm, "/jobs")
}

/// `None` when slurmctld says that it has no such job.
pub(crate) fn parse(answer: &Answer) -> Result<Option<JobRecord>, Error> {
    if answer.has(INVALID_JOB_ID) {
        return Ok(None);
    }
    Ok(parse_all(answer)?.into_iter().next())
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
    })
}
