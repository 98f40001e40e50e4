//! `DELETE job/ID`.

use reqwest::Method;
use site_adapter::Error;

use crate::answer::{Answer, Effect, INVALID_JOB_ID};
use crate::transport::{Family, Request};

/// "Job/step already completing or completed".
const ALREADY_DONE: i64 = 2021;

pub(crate) fn request(id: &str) -> Request {
    Request {
        method: Method::DELETE,
        effect: Effect::Acts,
        ..Request::get("DELETE job", Family::Slurm, format!("/job/{id}"))
    }
}

/// That nothing was refused. Not that the job is gone: v0.0.40 and v0.0.41 say nothing of a job
/// that is unknown or another's, so the caller looks.
pub(crate) fn parse(answer: &Answer) -> Result<(), Error> {
    if answer.has(INVALID_JOB_ID) || answer.has(ALREADY_DONE) {
        return Ok(());
    }
    answer.check(&[])
}
