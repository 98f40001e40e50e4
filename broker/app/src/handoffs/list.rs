use broker_model::{AgentId, Attempt, AttemptId, Job, SiteId};
use jiff::Timestamp;

use crate::{Broker, Caller, Error, Result};

const AT_ONCE: u32 = 200;

/// A job that a person carries to a site, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    pub job: Job,
    pub attempt: Attempt,
}

impl Broker {
    /// What was handed over to a site and is not settled, oldest first, for its administrators and for
    /// operators; at most 200, after `after` if given.
    pub async fn handoffs(
        &self,
        caller: &Caller,
        site: &SiteId,
        after: Option<AttemptId>,
    ) -> Result<Vec<HandedOver>> {
        if self.board().find(site).is_none() {
            return Err(Error::NotFound("site"));
        }
        if !caller.is_admin_of(site) {
            return Err(Error::Forbidden("site administrator of this site"));
        }
        let store = &self.inner.store;
        // No lease of theirs ever runs out, and none of another's had by then.
        let never = Timestamp::UNIX_EPOCH;
        let theirs = store.free_attempts(site, AgentId::NOBODY, never, after, AT_ONCE);
        let mut all = Vec::new();
        for attempt in theirs.await? {
            if let Some(job) = store.find_job(attempt.job).await? {
                all.push(HandedOver { job, attempt });
            }
        }
        Ok(all)
    }
}
