//! The pages of jobs.

pub(crate) mod facts;
pub(crate) mod follow;
pub(crate) mod handoff;
pub(crate) mod jobfile;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod show;

use broker_model::JobId;

use crate::refusal::Refusal;

/// A path that holds no id leads nowhere, as a foreign id does.
pub(crate) fn job_id(text: &str) -> Result<JobId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}
