use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use broker_model::{EntryBody, EntryKind, Job, JobId, JobSpec, JobState, Placement, UnitMillis};
use broker_store::{Change, CommitError, Entity, IdempotencyKey, Remembered, Write};

use crate::jobs::prepare::{Prepared, chosen};
use crate::{Broker, Caller, Error, Result};

/// The answer to a submission: a new job, or the first answer to a repeated key.
#[derive(Debug)]
pub enum Accepted {
    New { job: Box<Job> },
    Repeated(FirstAnswer),
}

/// What was answered when the key was first used.
#[derive(Clone, Debug)]
pub struct FirstAnswer {
    pub status: u16,
    pub body: String,
}

/// A client's promise that a repeated request means the same job.
pub struct Idempotency {
    pub key: String,
    /// SHA-256 of the request's body.
    pub request_sha256: String,
    /// Renders the answer, which is stored with the job in one transaction.
    pub render: Box<dyn FnOnce(&Job) -> FirstAnswer + Send>,
}

impl std::fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idempotency")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Keys whose first request this process has not answered yet.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<HashSet<IdempotencyKey>>>);

#[derive(Debug)]
struct InFlightGuard {
    keys: InFlight,
    key: IdempotencyKey,
}

impl InFlight {
    fn enter(&self, key: &IdempotencyKey) -> Result<InFlightGuard> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.insert(key.clone()) {
            return Err(Error::InFlight);
        }
        Ok(InFlightGuard {
            keys: self.clone(),
            key: key.clone(),
        })
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.keys
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
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
        let Some(idempotency) = idempotency else {
            return self.submit_once(caller, spec, None).await;
        };
        let key = IdempotencyKey {
            person: caller.person,
            key: idempotency.key.clone(),
        };
        let digest = idempotency.request_sha256.clone();
        let _guard = self.inner.in_flight.enter(&key)?;
        if let Some(first) = self.first_answer(&key, &digest).await? {
            return Ok(Accepted::Repeated(first));
        }
        match self
            .submit_once(caller, spec, Some((key.clone(), idempotency)))
            .await
        {
            // Another replica was faster with the same key.
            Err(Error::Contended) => self
                .first_answer(&key, &digest)
                .await?
                .map(Accepted::Repeated)
                .ok_or(Error::Contended),
            answer => answer,
        }
    }

    async fn first_answer(
        &self,
        key: &IdempotencyKey,
        digest: &str,
    ) -> Result<Option<FirstAnswer>> {
        match self.inner.store.find_remembered(key).await? {
            Some(first) if first.request_sha256 != digest => Err(Error::KeyReused),
            Some(first) => Ok(Some(FirstAnswer {
                status: first.status,
                body: first.body,
            })),
            None => Ok(None),
        }
    }

    async fn submit_once(
        &self,
        caller: &Caller,
        spec: JobSpec,
        idempotency: Option<(IdempotencyKey, Idempotency)>,
    ) -> Result<Accepted> {
        let mut prepared = self.prepare(caller, &spec).await?;
        if !prepared.decided.is_eligible() {
            return self.refuse(caller, prepared).await;
        }
        let Some(placement) = prepared.placement.take() else {
            return Err(Error::NoAllocation);
        };
        if broker_placement::never_feasible(&placement) {
            return Err(Error::NoFeasiblePartition(Box::new(placement)));
        }
        let job = self.new_job(caller, spec, &prepared, &placement);
        let change = acceptance(caller, prepared, &job, placement, idempotency);
        match self.commit(change).await {
            Ok(_) => self.announce(&job),
            Err(CommitError::HoursExceeded {
                allocation,
                remaining,
            }) => {
                self.forget_standing(job.spec.project).await;
                return Err(Error::HoursExceeded {
                    allocation,
                    remaining,
                });
            }
            Err(CommitError::Conflict(Entity::Allocation)) => {
                self.forget_standing(job.spec.project).await;
                return Err(Error::Contended);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Accepted::New { job: Box::new(job) })
    }

    /// A refusal is a decision too: it is stored and entered before it is told.
    async fn refuse(&self, caller: &Caller, prepared: Prepared) -> Result<Accepted> {
        let decision = prepared.decided.decision().clone();
        let (write, entry) = prepared.decided.into_parts(caller, &prepared.standing);
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Err(Error::NotEligible(Box::new(decision)))
    }

    fn new_job(
        &self,
        caller: &Caller,
        spec: JobSpec,
        prepared: &Prepared,
        placement: &Placement,
    ) -> Job {
        let now = self.inner.clock.now();
        let (state, held) = match chosen(placement) {
            Some((partition, candidate)) => (
                JobState::Placed {
                    partition: partition.clone(),
                },
                candidate.charge,
            ),
            None => (JobState::Pending, UnitMillis::ZERO),
        };
        Job {
            id: self.inner.ids.next::<JobId>(&*self.inner.clock),
            spec,
            owner: caller.person,
            allocation: prepared.allocation.id,
            decision: prepared.decided.id,
            state,
            held,
            attempt: None,
            cancel_requested_at: None,
            refused_by: Vec::new(),
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

/// All that an accepted job leaves behind, as one change.
fn acceptance(
    caller: &Caller,
    prepared: Prepared,
    job: &Job,
    placement: Placement,
    idempotency: Option<(IdempotencyKey, Idempotency)>,
) -> Change {
    let organisation = prepared.standing.organisation.id;
    let (decision, decided) = prepared.decided.into_parts(caller, &prepared.standing);
    let mut accepted = EntryBody::new(job.created_at, EntryKind::JobAccepted)
        .with("state", job.state.name().as_str())
        .with("held_unit_ms", job.held.0);
    accepted.actor = Some(caller.person);
    accepted.organisation = Some(organisation);
    accepted.project = Some(job.spec.project);
    accepted.allocation = Some(job.allocation);
    accepted.decision = Some(job.decision);
    accepted.job = Some(job.id);
    let mut change = Change {
        writes: vec![decision, Write::InsertJob(Box::new(job.clone()))],
        entries: vec![decided, accepted],
    };
    if let Some((partition, candidate)) = chosen(&placement) {
        change.writes.push(Write::Hold {
            allocation: job.allocation,
            amount: job.held,
        });
        change.entries.push(placed_entry(job, partition, candidate));
    }
    change.writes.push(Write::PutPlacement {
        job: job.id,
        placement: Box::new(placement),
    });
    if let Some((key, idempotency)) = idempotency {
        let answer = (idempotency.render)(job);
        change.writes.push(Write::Remember {
            key,
            answer: Remembered {
                request_sha256: idempotency.request_sha256,
                status: answer.status,
                body: answer.body,
                created_at: job.created_at,
            },
        });
    }
    change
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
    entry.project = Some(job.spec.project);
    entry.allocation = Some(job.allocation);
    entry.job = Some(job.id);
    entry.site = Some(partition.site.clone());
    entry
}
