use broker_model::{Attempt, AttemptEvent, EntryKind, JobEvent, SiteId};
use broker_store::{Change, CommitError, Write};
use jiff::SignedDuration;

use crate::agents::attempt_entry;
use crate::jobs::{release_hold, state_entry};
use crate::{Broker, Result};

const AT_ONCE: u32 = 500;

impl Broker {
    /// Gives up the attempts of restartable jobs at sites that were silent for longer than the lost
    /// timer, so that they are placed elsewhere. Nothing else may be started again: a job that is not
    /// marked restartable waits for its site (invariant 2).
    pub async fn lose_sites_once(&self) -> Result<u32> {
        let now = self.inner.clock.now();
        let after = SignedDuration::try_from(self.inner.limits.site_lost_after)
            .unwrap_or(SignedDuration::MAX);
        let mut lost = 0;
        for entry in self.board().entries() {
            let silent = entry
                .state
                .as_ref()
                .map(|state| now.duration_since(state.observed_at));
            if silent.is_some_and(|silent| silent > after) {
                lost += self.lose_site(&entry.site.id).await?;
            }
        }
        Ok(lost)
    }

    async fn lose_site(&self, site: &SiteId) -> Result<u32> {
        let mut lost = 0;
        for attempt in self.inner.store.open_attempts(site, AT_ONCE).await? {
            match self.lose_attempt(attempt).await {
                Ok(true) => lost += 1,
                Ok(false) | Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(lost)
    }

    async fn lose_attempt(&self, mut attempt: Attempt) -> Result<bool, CommitError> {
        let Some(mut job) = self.inner.store.find_job(attempt.job).await? else {
            return Ok(false);
        };
        let may_move = job.spec.placement.restartable
            && job.attempt == Some(attempt.id)
            && job.cancel_requested_at.is_none()
            && !job.state.is_final();
        if !may_move {
            return Ok(false);
        }
        let Ok(state) = attempt.state.clone().apply(AttemptEvent::Lose) else {
            return Ok(false);
        };
        let Ok(pending) = job.state.clone().apply(JobEvent::Lose) else {
            return Ok(false);
        };
        let now = self.inner.clock.now();
        (attempt.state, attempt.updated_at) = (state, now);
        (job.state, job.updated_at) = (pending, now);
        let mut change = Change::default();
        change.entries.push(attempt_entry(
            &job,
            &attempt,
            EntryKind::AttemptStateChanged,
        ));
        change.entries.push(state_entry(&job));
        // The lost attempt stays open: it is cancelled first when its site comes back, and what it
        // used there is charged then.
        release_hold(&mut job, &mut change);
        job.attempt = None;
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        change.writes.push(Write::UpdateAttempt(Box::new(attempt)));
        self.commit(change).await?;
        self.announce(&job);
        Ok(true)
    }
}
