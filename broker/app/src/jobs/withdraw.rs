use broker_model::{Job, JobEvent};
use broker_store::{Change, CommitError, Write};

use crate::jobs::{release_hold, state_entry};
use crate::{Broker, Result};

impl Broker {
    /// Takes back the choice of a partition that no agent has acted on: the job goes back to placement
    /// and what was held for it is given back. Returns whether it did; an agent may have been faster.
    pub(crate) async fn withdraw(&self, mut job: Job, reason: &str) -> Result<bool> {
        let Ok(state) = job.state.clone().apply(JobEvent::Refuse) else {
            return Ok(false);
        };
        job.state = state;
        job.updated_at = self.inner.clock.now();
        let mut change = Change::default();
        change
            .entries
            .push(state_entry(&job).with("reason", reason));
        release_hold(&mut job, &mut change);
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Conflict(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.announce(&job);
        Ok(true)
    }
}
