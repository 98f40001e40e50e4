use broker_model::{
    AgentId, Attempt, AttemptId, AttemptState, HandoffView, Job, JobState, RemoteId, SiteId,
};

use crate::{Broker, Caller, MOST_AT_ONCE, Result};

impl Broker {
    /// What was handed over to a site and is not settled, and what no agent there can look up any more,
    /// oldest first, for its administrators and for operators; after `after` if given. Fewer than [`MOST_AT_ONCE`] are the last.
    pub async fn handoffs(
        &self,
        caller: &Caller,
        site: &SiteId,
        after: Option<AttemptId>,
    ) -> Result<Vec<HandoffView>> {
        self.check_manages(caller, site)?;
        self.carried(site, after, caller.sees_people_of(site)).await
    }

    /// The same for the site's agent, whose transport knows for which site it may speak: by pseudonym.
    pub async fn handoffs_at(
        &self,
        site: &SiteId,
        after: Option<AttemptId>,
    ) -> Result<Vec<HandoffView>> {
        self.carried(site, after, false).await
    }

    async fn carried(
        &self,
        site: &SiteId,
        after: Option<AttemptId>,
        sees_people: bool,
    ) -> Result<Vec<HandoffView>> {
        let store = &self.inner.store;
        let forsaken = self.forsaken_until(self.inner.clock.now());
        let theirs = store.free_attempts(site, AgentId::NOBODY, forsaken, after, MOST_AT_ONCE);
        let mut all = Vec::new();
        for attempt in theirs.await? {
            if let Some(job) = store.find_job(attempt.job).await? {
                let owner_name = self.name_of(job.owner, sees_people).await?;
                all.push(HandoffView {
                    owner_name,
                    ..view(job, attempt)
                });
            }
        }
        Ok(all)
    }
}

fn view(job: Job, attempt: Attempt) -> HandoffView {
    // One that was superseded may run elsewhere by now: its job's state tells nothing of it.
    let is_current = job.attempt == Some(attempt.id);
    let its = Some(&job.state).filter(|_| is_current);
    HandoffView {
        job: job.id,
        attempt: attempt.id,
        state: job.state.name(),
        resources: job.spec.resources,
        owner: job.owner,
        owner_name: None,
        fetched: attempt.state != AttemptState::Leased,
        remote_id: its
            .and_then(JobState::remote_id)
            .or_else(|| accepted_as(&attempt))
            .cloned(),
        started_at: its.and_then(JobState::started_at),
        outcome: its.and_then(JobState::outcome).cloned(),
        cancel_requested: job.cancel_requested_at.is_some(),
        name: job.spec.name,
        allocation: job.allocation,
        partition: attempt.partition,
        prepared_at: attempt.created_at,
    }
}

pub(super) const fn accepted_as(attempt: &Attempt) -> Option<&RemoteId> {
    match &attempt.state {
        AttemptState::Accepted { remote_id, .. } => Some(remote_id),
        _ => None,
    }
}
