use broker_model::{EntryBody, EntryKind, Job, JobEvent, JobId, Outcome, OutcomeKind, UnitMillis};
use broker_store::{Change, CommitError, Entity, Write};

use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;

impl Broker {
    /// Asks for a job to be stopped. One that no agent has is cancelled here and now; for another the
    /// wish is stored, the agent told, and the state follows once the site has confirmed.
    ///
    /// Asking again changes nothing. A job that is over is an error that says how it ended.
    pub async fn cancel(&self, caller: &Caller, id: JobId) -> Result<Job> {
        for _ in 0..TRIES {
            let job = self.job(caller, id).await?;
            if !caller.may_use(job.spec.project) && !caller.is_operator() {
                return Err(Error::NotFound("job"));
            }
            if job.state.is_final() {
                return Err(Error::JobIsOver(job.state.name()));
            }
            if job.cancel_requested_at.is_some() {
                return Ok(job);
            }
            match self.cancel_once(caller, job).await {
                Err(CommitError::Conflict(Entity::Job)) => {}
                answer => return Ok(answer?),
            }
        }
        Err(Error::Contended)
    }

    /// For a site's administrator who has no part in the project; the site must be theirs.
    pub(crate) async fn cancel_for_site(&self, caller: &Caller, id: JobId) -> Result<()> {
        for _ in 0..TRIES {
            let job = self.inner.store.find_job(id).await?;
            let job = job.ok_or(Error::NotFound("job"))?;
            if job.state.is_final() || job.cancel_requested_at.is_some() {
                return Ok(());
            }
            match self.cancel_once(caller, job).await {
                Err(CommitError::Conflict(Entity::Job)) => {}
                answer => return Ok(answer.map(drop)?),
            }
        }
        Err(Error::Contended)
    }

    async fn cancel_once(&self, caller: &Caller, mut job: Job) -> Result<Job, CommitError> {
        let now = self.inner.clock.now();
        job.updated_at = now;
        job.cancel_requested_at = Some(now);
        let mut requested = job_entry(&job, EntryKind::JobCancelRequested);
        requested.actor = Some(caller.person);
        let mut change = Change {
            writes: Vec::new(),
            entries: vec![requested],
        };
        let site = job
            .state
            .partition()
            .map(|partition| partition.site.clone());
        if job.attempt.is_none() {
            let outcome = Outcome {
                kind: OutcomeKind::Cancelled,
                exit_code: None,
                signal: None,
                site_words: "cancelled before any site had it".to_owned(),
            };
            end_job(&mut job, outcome, &mut change);
        }
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        self.commit(change).await?;
        self.forget_standing(job.spec.project).await;
        job.version += 1;
        if let Some(site) = site {
            self.nudges().site(&site);
        }
        self.nudges().job(job.id);
        Ok(job)
    }
}

/// Ends a job that never ran, and gives back what was held for it.
pub(crate) fn end_job(job: &mut Job, outcome: Outcome, change: &mut Change) {
    let event = JobEvent::End(job.updated_at, outcome);
    if let Ok(state) = job.state.clone().apply(event) {
        job.state = state;
    }
    change.entries.push(state_entry(job));
    release_hold(job, change);
}

/// Gives back whatever is held for a job.
pub(crate) fn release_hold(job: &mut Job, change: &mut Change) {
    if job.held == UnitMillis::ZERO {
        return;
    }
    let amount = std::mem::take(&mut job.held);
    change.writes.push(Write::Release {
        allocation: job.allocation,
        amount,
    });
    change
        .entries
        .push(job_entry(job, EntryKind::HoldReleased).with("unit_ms", amount.0));
}

/// The ledger's word on the state a job is in now.
pub(crate) fn state_entry(job: &Job) -> EntryBody {
    let mut entry =
        job_entry(job, EntryKind::JobStateChanged).with("state", job.state.name().as_str());
    if let Some(partition) = job.state.partition() {
        entry.site = Some(partition.site.clone());
    }
    if let Some(outcome) = job.state.outcome() {
        let kind = serde_json::to_value(outcome.kind).unwrap_or_default();
        entry = entry.with("outcome", kind);
        if let Some(code) = outcome.exit_code {
            entry = entry.with("exit_code", code);
        }
    }
    entry
}

pub(crate) fn job_entry(job: &Job, kind: EntryKind) -> EntryBody {
    let mut entry = EntryBody::new(job.updated_at, kind);
    entry.project = Some(job.spec.project);
    entry.allocation = Some(job.allocation);
    entry.job = Some(job.id);
    entry.attempt = job.attempt;
    entry
}
