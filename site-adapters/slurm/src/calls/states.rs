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

/// States by id. An id that is missing is not in slurmctld.
pub(crate) fn parse(answer: &Answer) -> Result<HashMap<String, JobState>, Error> {
    answer.check(&[])?;
    answer
        .whole_list("jobs")?
        .iter()
        .map(|job| {
            let id = match job.get("job_id") {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => return Err(answer.incomplete("job id")),
            };
            let state = JobState::parse(&words(job.get("state").unwrap_or(&Value::Null)))
                .ok_or_else(|| answer.incomplete("job state that is known"))?;
            Ok((id, state))
        })
        .collect()
}
