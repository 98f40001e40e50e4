use std::sync::{MutexGuard, PoisonError};

use broker_model::{Allocation, Confirmation, Job, JobId, OutcomeKind, Refusal, Verdict};
use broker_store::{Change, CommitError, Entity, StoreError, Write};

use crate::jobs::{
    Dependencies, Placing, PlacingDigests, Redecided, chosen, end_unplaced, placed_entry,
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
                Ok(false) => {}
                // Another replica placed by the same count.
                Err(CommitError::Conflict(Entity::SiteCount)) => self.inner.tallies.forget(),
                // Too few hours left, or changed meanwhile: the next round looks again.
                Err(CommitError::HoursExceeded { .. } | CommitError::Conflict(_)) => {}
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
        let unaccepted = self.still_unaccepted(&job).await?;
        let (placing, _turn) = self
            .place_in_turn(&job.spec, &allocation, &job.refused_by, bound, &unaccepted)
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
        let mut entering = Change::default();
        let moves = if is_chosen {
            self.place_at(&mut job, on, &digests, &mut entering)
        } else {
            let said = self.inner.store.confirmations_of(job.id).await?;
            let words = why_none(&job, &allocation, &placing, said.last());
            end_unplaced(&mut job, OutcomeKind::Failed, &words, &mut change);
            if let Some(entry) = change.entries.pop() {
                change.entries.push(digests.on(entry));
            }
            true
        };
        if !moves {
            return Ok(false);
        }
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        change.writes.extend(entering.writes);
        change.entries.extend(entering.entries);
        self.moved_on(&job, change).await?;
        self.placing_is_kept(&placing);
        Ok(true)
    }

    /// Returns whether the job has moved to the chosen partition.
    fn place_at(
        &self,
        job: &mut Job,
        (allocation, placing): (&Allocation, &Placing),
        digests: &PlacingDigests,
        change: &mut Change,
    ) -> bool {
        let Some((partition, candidate)) = chosen(&placing.placement) else {
            return false;
        };
        let mut entering = Change::default();
        if !self.bring_in(job, partition, &allocation.share, &mut entering) {
            return false;
        }
        job.held = candidate.charge;
        change.writes.push(Write::Hold {
            allocation: job.allocation,
            amount: job.held,
        });
        let entry = placed_entry(job, partition, candidate);
        change.entries.push(digests.on(entry));
        change.writes.extend(entering.writes);
        change.entries.extend(entering.entries);
        true
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

/// The last words of each partition that refused the job, and of the person who declined it.
fn why_none(
    job: &Job,
    allocation: &Allocation,
    placing: &Placing,
    last_said: Option<&Confirmation>,
) -> String {
    let until = allocation.valid_until;
    if placing.placement.decided_at >= until {
        return format!("its allocation ended at {until}, before a partition could take it");
    }
    let none = "no partition is left that can run it; the placement says why".to_owned();
    let refused = job.refusals.iter().map(Refusal::to_string);
    let said = last_said.filter(|it| it.verdict != Verdict::Confirmed);
    let declined = said.and_then(|it| {
        let reason = it.reason.as_ref()?;
        Some(format!(
            "{} did not confirm it: {reason}",
            it.partition.site
        ))
    });
    let words: Vec<String> = std::iter::once(none)
        .chain(refused)
        .chain(declined)
        .collect();
    words.join(". ")
}
