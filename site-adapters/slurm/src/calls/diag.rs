//! `GET diag`: slurmctld's counters, one small answer whatever the queue's length.

use site_adapter::Error;

use crate::answer::Answer;
use crate::transport::{Family, Request};
use crate::value::small;

/// Counts that slurmctld takes about every half minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) jobs_pending: u32,
    pub(crate) jobs_running: u32,
    /// Messages for slurmdbd that slurmctld could not hand over yet.
    pub(crate) accounting_backlog: u32,
}

impl Counters {
    pub(crate) const fn queue(self) -> u32 {
        self.jobs_pending.saturating_add(self.jobs_running)
    }
}

pub(crate) fn request() -> Request {
    Request::get("GET diag", Family::Slurm, "/diag")
}

pub(crate) fn parse(answer: &Answer) -> Result<Counters, Error> {
    answer.check(&[])?;
    let count = |name: &str| {
        answer
            .json()
            .pointer(&format!("/statistics/{name}"))
            .and_then(small)
            .ok_or_else(|| answer.incomplete(name))
    };
    Ok(Counters {
        jobs_pending: count("jobs_pending")?,
        jobs_running: count("jobs_running")?,
        accounting_backlog: count("dbd_agent_queue_size")?,
    })
}
