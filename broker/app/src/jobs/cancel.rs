use broker_model::{
    Attempt, AttemptState, EntryBody, EntryKind, Job, JobEvent, JobId, Outcome, OutcomeKind,
    PersonId, UnitMillis,
};
use broker_store::{Change, CommitError, Entity, Write};

use crate::agents::Step;
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
            match self.cancel_once(Some(caller.person), job).await {
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                answer => return Ok(answer?),
            }
        }
        Err(Error::Contended)
    }

    /// For a site that does not want it: its administrator, who has no part in the project, or the broker
    /// by what they have set.
    pub(crate) async fn cancel_for_site(&self, actor: Option<PersonId>, id: JobId) -> Result<()> {
        for _ in 0..TRIES {
            let job = self.inner.store.find_job(id).await?;
            let job = job.ok_or(Error::NotFound("job"))?;
            if job.state.is_final() || job.cancel_requested_at.is_some() {
                return Ok(());
            }
            match self.cancel_once(actor, job).await {
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                answer => return Ok(answer.map(drop)?),
            }
        }
        Err(Error::Contended)
    }

    async fn cancel_once(&self, actor: Option<PersonId>, mut job: Job) -> Result<Job, CommitError> {
        let now = self.inner.clock.now();
        job.updated_at = now;
        job.cancel_requested_at = Some(now);
        let mut requested = job_entry(&job, EntryKind::JobCancelRequested);
        requested.actor = actor;
        let mut change = Change {
            writes: Vec::new(),
            entries: vec![requested],
        };
        if let Some(attempt) = self.unfetched(&job).await? {
            return self.cancel_unfetched(job, attempt, change).await;
        }
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

impl Broker {
    /// The attempt of a job that was handed over, while nobody has its script.
    async fn unfetched(&self, job: &Job) -> Result<Option<Attempt>, CommitError> {
        let Some(id) = job.attempt else {
            return Ok(None);
        };
        let attempt = self.inner.store.find_attempt(id).await?;
        Ok(attempt.filter(|it| it.is_handed_over() && it.state == AttemptState::Leased))
    }

    async fn cancel_unfetched(
        &self,
        job: Job,
        attempt: Attempt,
        requested: Change,
    ) -> Result<Job, CommitError> {
        let id = job.id;
        let mut step = Step::new(self, job, attempt);
        requested.entries.into_iter().for_each(|it| step.enter(it));
        step.take_back("cancelled before anybody had its script");
        step.commit().await?;
        let job = self.inner.store.find_job(id).await?;
        job.ok_or(CommitError::Missing(Entity::Job))
    }
}

/// Ends a job that never ran, and gives back what was held for it.
pub(crate) fn end_job(job: &mut Job, outcome: Outcome, change: &mut Change) {
    let event = JobEvent::End(job.updated_at, outcome);
    // One that is over stays as it ended, and nothing is entered or given back for it again.
    let ended = job.state.clone().apply(event);
    let Some(state) = ended.ok().filter(|next| *next != job.state) else {
        return;
    };
    job.state = state;
    change.entries.push(state_entry(job));
    release_hold(job, change);
}

/// Ends a job that no partition takes, with the reason in words.
pub(crate) fn end_unplaced(job: &mut Job, kind: OutcomeKind, words: &str, change: &mut Change) {
    let outcome = Outcome {
        kind,
        exit_code: None,
        signal: None,
        site_words: words.to_owned(),
    };
    end_job(job, outcome, change);
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
