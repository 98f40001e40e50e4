use broker_model::{EntryBody, EntryKind, Job, JobId, JobSpec, JobState, UnitMillis};
use broker_store::{Change, CommitError, Entity, Write};

use crate::jobs::placing::{Placing, PlacingDigests};
use crate::jobs::prepare::{Prepared, chosen};
use crate::once::{Entered, FirstAnswer, Idempotency, Once};
use crate::{Broker, Caller, Error, Result};

/// Far more than replicas that could meet so often in a row.
const COUNTED_ANEW: u32 = 16;

/// The answer to a submission: a new job, or the first answer to a repeated key.
#[derive(Debug)]
pub enum Accepted {
    New { job: Box<Job> },
    Repeated(FirstAnswer),
}

impl Broker {
    /// Accepts a job: checks eligibility, chooses a partition, and stores decision, placement, hold
    /// and job with their ledger entries in one transaction. Nothing is sent to the site here.
    ///
    /// A job that no partition can take now but one could take later is accepted as pending, without
    /// a hold; it gets one when it is placed.
    pub async fn submit(
        &self,
        caller: &Caller,
        spec: JobSpec,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted> {
        let once = match self.take_turn(caller, idempotency).await? {
            Entered::First(once) => once,
            Entered::Repeated(first) => return Ok(Accepted::Repeated(first)),
        };
        match self.submit_twice(caller, spec, &once).await {
            Err(error) => {
                let first = self.first_of_another(&once, error).await;
                first.map(Accepted::Repeated)
            }
            accepted => accepted,
        }
    }

    /// What is known of a project may be a second old. An allocation that turns out to be suspended or
    /// to have too little left is looked at afresh, once: another may pay, or the job has to wait, or
    /// the refusal says what is so.
    async fn submit_twice(
        &self,
        caller: &Caller,
        spec: JobSpec,
        once: &Once<Job>,
    ) -> Result<Accepted> {
        let first = self.submit_counted(caller, &spec, once).await;
        match &first {
            Err(Refused::Stale(_)) => self.forget_standing(spec.project).await,
            // They may have been accepted at another replica just now.
            Err(Refused::For(Error::TermsNotAccepted(_))) => self.forget_accepted(caller.person),
            _ => return first.map_err(Error::from),
        }
        let second = self.submit_counted(caller, &spec, once).await;
        if matches!(second, Err(Refused::Stale(_))) {
            self.forget_standing(spec.project).await;
        }
        second.map_err(Error::from)
    }

    /// What a site counts may have grown by another replica's placing: then it is counted anew. One of
    /// those who meet has placed each time, so it is not for long.
    async fn submit_counted(
        &self,
        caller: &Caller,
        spec: &JobSpec,
        once: &Once<Job>,
    ) -> Result<Accepted, Refused> {
        for _ in 0..COUNTED_ANEW {
            match self.submit_once(caller, spec, once).await {
                Err(Refused::Stale(CommitError::Conflict(Entity::SiteCount))) => {
                    self.inner.tallies.forget();
                }
                done => return done,
            }
        }
        Err(Error::Contended.into())
    }

    async fn submit_once(
        &self,
        caller: &Caller,
        spec: &JobSpec,
        once: &Once<Job>,
    ) -> Result<Accepted, Refused> {
        if caller.may_use(spec.project) {
            self.check_platform_terms(caller).await?;
        }
        let (mut prepared, _turn) = self.prepare_in_turn(caller, spec).await?;
        if !prepared.decided.is_eligible() {
            return Ok(self.refuse(caller, prepared).await?);
        }
        let Some(placing) = prepared.placing.take() else {
            return Err(Error::NoAllocation.into());
        };
        let placement = &placing.placement;
        if broker_placement::never_feasible(placement)
            || broker_placement::only_for_ceilings(placement)
        {
            return Err(Error::NoFeasiblePartition(Box::new(placing.placement)).into());
        }
        self.check_site_terms(caller, &placing.placement).await?;
        let mut job = self.new_job(caller, spec.clone(), &prepared);
        let mut entering = Change::default();
        if let Some((partition, candidate)) = chosen(&placing.placement) {
            let share = &prepared.allocation.share;
            self.bring_in(&mut job, partition, share, &mut entering);
            job.held = candidate.charge;
        }
        let mut change = Change {
            writes: vec![Write::InsertJob(Box::new(job.clone()))],
            entries: Vec::new(),
        };
        let first = (&job, job.version);
        let digests = self.keep_placing(&placing, first, &prepared.allocation, &mut change);
        acceptance(caller, prepared, &job, (&placing, &digests), &mut change);
        change.writes.extend(entering.writes);
        change.entries.extend(entering.entries);
        change.writes.extend(once.remember(&job, job.created_at));
        match self.commit(change).await {
            Ok(_) => {
                self.placing_is_kept(&placing);
                self.announce(&job);
                Ok(Accepted::New { job: Box::new(job) })
            }
            Err(
                error @ (CommitError::HoursExceeded { .. }
                | CommitError::Conflict(Entity::Allocation | Entity::SiteCount)),
            ) => Err(Refused::Stale(error)),
            Err(error) => Err(Error::from(error).into()),
        }
    }

    /// A refusal is a decision too: it is stored and entered before it is told.
    async fn refuse(&self, caller: &Caller, prepared: Prepared) -> Result<Accepted> {
        let asked = prepared.decided.asked();
        let (write, entry) = prepared
            .decided
            .into_parts(caller.person, &prepared.standing);
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Err(Error::NotEligible(asked))
    }

    /// As it is before anything is chosen.
    fn new_job(&self, caller: &Caller, spec: JobSpec, prepared: &Prepared) -> Job {
        let now = self.inner.clock.now();
        Job {
            id: self.inner.ids.next::<JobId>(&*self.inner.clock),
            spec,
            owner: caller.person,
            allocation: prepared.allocation.id,
            decision: prepared.decided.id,
            state: JobState::Pending,
            held: UnitMillis::ZERO,
            attempt: None,
            cancel_requested_at: None,
            refused_by: Vec::new(),
            refusals: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Wakes who waits for it: the site's agents, or the placement loop.
    pub(crate) fn announce(&self, job: &Job) {
        match job.state.partition() {
            Some(partition) => self.nudges().site(&partition.site),
            None => self.nudges().pending(),
        }
        self.nudges().job(job.id);
    }
}

/// Why a submission is refused.
#[derive(Debug)]
enum Refused {
    /// The store knew better than what it was prepared on.
    Stale(CommitError),
    For(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Stale(error) => error.into(),
            Refused::For(error) => error,
        }
    }
}

/// All that an accepted job leaves behind beside its row and its placing.
fn acceptance(
    caller: &Caller,
    prepared: Prepared,
    job: &Job,
    (placing, digests): (&Placing, &PlacingDigests),
    change: &mut Change,
) {
    let organisation = prepared.standing.organisation.id;
    let (decision, decided) = prepared
        .decided
        .into_parts(caller.person, &prepared.standing);
    let mut accepted = EntryBody::new(job.created_at, EntryKind::JobAccepted)
        .with("state", job.state.name().as_str())
        .with("held_unit_ms", job.held.0);
    accepted.actor = Some(caller.person);
    accepted.organisation = Some(organisation);
    accepted.project = Some(job.spec.project);
    accepted.allocation = Some(job.allocation);
    accepted.decision = Some(job.decision);
    accepted.job = Some(job.id);
    change.writes.push(decision);
    change.entries.push(decided);
    let Some((partition, candidate)) = chosen(&placing.placement) else {
        change.entries.push(digests.on(accepted));
        return;
    };
    change.writes.push(Write::Hold {
        allocation: job.allocation,
        amount: job.held,
    });
    let placed = placed_entry(job, partition, candidate);
    change.entries.extend([accepted, digests.on(placed)]);
}

/// The ledger's word on a placement: where, what it will be charged at most, and when it should start.
pub(crate) fn placed_entry(
    job: &Job,
    partition: &broker_model::PartitionRef,
    candidate: &broker_model::Candidate,
) -> EntryBody {
    let mut entry = EntryBody::new(job.updated_at, EntryKind::JobPlaced)
        .with("partition", partition.to_string())
        .with("charge_unit_ms", candidate.charge.0)
        .with("charge_unit", candidate.charge_unit.clone())
        .with("gpu_ms", candidate.gpu.0)
        .with("wait_seconds", candidate.forecast.wait_seconds);
    if let Some(terms) = &candidate.terms_url {
        entry = entry.with("terms", terms.clone());
    }
    if let Some(since) = candidate.billing_assumed_since {
        entry = entry.with("billing_assumed_since", since.to_string());
    }
    if let Some((reason, _)) = job.state.waits_for() {
        entry = entry
            .with("state", job.state.name().as_str())
            .with("waits_for", reason.as_str());
    }
    entry.project = Some(job.spec.project);
    entry.allocation = Some(job.allocation);
    entry.job = Some(job.id);
    entry.site = Some(partition.site.clone());
    entry
}
