use std::sync::{MutexGuard, PoisonError};

use broker_model::{Allocation, Job, JobEvent, JobId, Outcome, OutcomeKind};
use broker_store::{Change, CommitError, StoreError, Write};

use crate::jobs::{
    Dependencies, Placing, PlacingDigests, Redecided, chosen, end_job, placed_entry,
};
use crate::{Broker, Result};

const AT_ONCE: u32 = 500;

impl Broker {
    /// Places pending jobs again, each decided on once more. A job that every partition has refused for
    /// good or whose allocation is over ends as failed, with the placement document that says why, and
    /// so does one whose owner has left the project; others stay pending, among them those that are not
    /// eligible any more.
    pub async fn place_pending_once(&self) -> Result<u32> {
        let mut placed = 0;
        for job in self.next_pending().await? {
            let id = job.id;
            match self.place_pending(job).await {
                Ok(true) => placed += 1,
                // Changed meanwhile, or too few hours left: the next round looks again.
                Ok(false) | Err(CommitError::Conflict(_) | CommitError::HoursExceeded { .. }) => {}
                Err(CommitError::Store(error))
                    if !matches!(error, StoreError::Unreadable { .. }) =>
                {
                    return Err(error.into());
                }
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
        let mut change = Change::default();
        job.updated_at = self.inner.clock.now();
        let bound = match self.dependencies(&job.spec).await? {
            Dependencies::Open { bound, .. } => bound,
            Dependencies::Broken { words } => {
                end_unplaced(&mut job, OutcomeKind::DependencyFailed, &words, &mut change);
                change.writes.push(Write::UpdateJob(Box::new(job.clone())));
                return self.moved_on(&job, change).await;
            }
        };
        let (placing, _turn) = self
            .place_in_turn(&job.spec, &allocation, &job.refused_by, bound)
            .await?;
        let is_chosen = placing.placement.chosen.is_some();
        if !is_chosen && !broker_placement::never_feasible(&placing.placement) {
            return Ok(false);
        }
        if is_chosen {
            match self.redecide(&job, &allocation).await? {
                Redecided::Eligible(verdict) => verdict.adopt(&mut job, &mut change),
                Redecided::Turned(verdict) => {
                    verdict.adopt(&mut job, &mut change);
                    return self.stays_pending(job, change).await;
                }
                Redecided::Still => return Ok(false),
                Redecided::OwnerLeft => {
                    end_unplaced(
                        &mut job,
                        OutcomeKind::Failed,
                        "its owner no longer works in the project",
                        &mut change,
                    );
                    change.writes.push(Write::UpdateJob(Box::new(job.clone())));
                    return self.moved_on(&job, change).await;
                }
            }
        }
        let version = job.version + 1;
        let digests = self.keep_placing(&placing, (&job, version), &allocation, &mut change);
        let on = (&allocation, &placing);
        if !place_or_end(&mut job, on, &digests, &mut change) {
            return Ok(false);
        }
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        self.moved_on(&job, change).await?;
        self.placing_is_kept(&placing);
        Ok(true)
    }

    async fn moved_on(&self, job: &Job, change: Change) -> Result<bool, CommitError> {
        self.commit(change).await?;
        self.announce(job);
        Ok(true)
    }

    /// What a rule objects to a person may mend, so the job is not ended: it shows the decision that
    /// keeps it, and its owner may cancel it.
    async fn stays_pending(&self, job: Job, mut change: Change) -> Result<bool, CommitError> {
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        self.commit(change).await?;
        self.nudges().job(job.id);
        Ok(false)
    }
}

/// Returns whether the job has moved: to the chosen partition, or to its end when none is left.
fn place_or_end(
    job: &mut Job,
    (allocation, placing): (&Allocation, &Placing),
    digests: &PlacingDigests,
    change: &mut Change,
) -> bool {
    let Some((partition, candidate)) = chosen(&placing.placement) else {
        let words = why_none(allocation, placing);
        end_unplaced(job, OutcomeKind::Failed, &words, change);
        if let Some(entry) = change.entries.pop() {
            change.entries.push(digests.on(entry));
        }
        return true;
    };
    let placed = JobEvent::Place(partition.clone());
    let Ok(state) = job.state.clone().apply(placed) else {
        return false;
    };
    job.state = state;
    job.held = candidate.charge;
    change.writes.push(Write::Hold {
        allocation: job.allocation,
        amount: job.held,
    });
    let entry = placed_entry(job, partition, candidate);
    change.entries.push(digests.on(entry));
    true
}

fn why_none(allocation: &Allocation, placing: &Placing) -> String {
    let until = allocation.valid_until;
    if placing.placement.decided_at >= until {
        return format!("its allocation ended at {until}, before a partition could take it");
    }
    "no partition is left that can run it; the placement says why".to_owned()
}

fn end_unplaced(job: &mut Job, kind: OutcomeKind, words: &str, change: &mut Change) {
    let outcome = Outcome {
        kind,
        exit_code: None,
        signal: None,
        site_words: words.to_owned(),
    };
    end_job(job, outcome, change);
}
