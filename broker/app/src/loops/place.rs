use std::sync::{MutexGuard, PoisonError};

use broker_model::{Job, JobEvent, JobId, Outcome, OutcomeKind, Placement};
use broker_store::{Change, CommitError, Write};

use crate::jobs::{chosen, end_job, placed_entry};
use crate::{Broker, Result};

const AT_ONCE: u32 = 500;

impl Broker {
    /// Places pending jobs again. A job that every partition has refused for good ends as failed, with
    /// the placement document that says why; others stay pending.
    pub async fn place_pending_once(&self) -> Result<u32> {
        let mut placed = 0;
        for job in self.next_pending().await? {
            let id = job.id;
            match self.place_pending(job).await {
                Ok(true) => placed += 1,
                // Changed meanwhile, or too few hours left: the next round looks again.
                Ok(false) | Err(CommitError::Conflict(_) | CommitError::HoursExceeded { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(job.id = %id, %error, "a pending job cannot be placed");
                }
            }
        }
        Ok(placed)
    }

    /// The next few pending jobs in turn, so that those that have to wait do not stand before others.
    async fn next_pending(&self) -> Result<Vec<Job>> {
        let after = self.placing().take();
        let mut jobs = self.inner.store.pending_jobs(after, AT_ONCE).await?;
        if jobs.is_empty() && after.is_some() {
            jobs = self.inner.store.pending_jobs(None, AT_ONCE).await?;
        }
        let is_full = jobs.len() >= AT_ONCE as usize;
        *self.placing() = jobs.last().map(|job| job.id).filter(|_| is_full);
        Ok(jobs)
    }

    fn placing(&self) -> MutexGuard<'_, Option<JobId>> {
        let placing = &self.inner.placing;
        placing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn place_pending(&self, mut job: Job) -> Result<bool, CommitError> {
        let Some(allocation) = self.inner.store.find_allocation(job.allocation).await? else {
            return Ok(false);
        };
        let placement = self.place(&job.spec, &allocation, &job.refused_by);
        job.updated_at = self.inner.clock.now();
        let Some(change) = placed_change(&mut job, &placement) else {
            return Ok(false);
        };
        self.commit(change).await?;
        self.announce(&job);
        Ok(true)
    }
}

/// `None` while the job stays pending.
fn placed_change(job: &mut Job, placement: &Placement) -> Option<Change> {
    let mut change = Change::default();
    if let Some((partition, candidate)) = chosen(placement) {
        job.state = job
            .state
            .clone()
            .apply(JobEvent::Place(partition.clone()))
            .ok()?;
        job.held = candidate.charge;
        change.writes.push(Write::Hold {
            allocation: job.allocation,
            amount: job.held,
        });
        change.entries.push(placed_entry(job, partition, candidate));
    } else if broker_placement::never_feasible(placement) {
        let outcome = Outcome {
            kind: OutcomeKind::Failed,
            exit_code: None,
            signal: None,
            site_words: "no partition is left that can run it; the placement says why".to_owned(),
        };
        end_job(job, outcome, &mut change);
    } else {
        return None;
    }
    change.writes.push(Write::UpdateJob(Box::new(job.clone())));
    change.writes.push(Write::PutPlacement {
        job: job.id,
        placement: Box::new(placement.clone()),
    });
    Some(change)
}
