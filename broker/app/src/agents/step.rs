use broker_model::{
    AgentId, Attempt, AttemptEvent, AttemptState, EntryBody, EntryKind, Job, JobEvent, JobState,
    LONGEST_REASON, Outcome, OutcomeKind, Refusal,
};
use broker_store::{Change, CommitError, StoreError, Write};
use jiff::Timestamp;
use site_adapter::{AttemptReport, UsageReport};

use crate::Broker;
use crate::agents::attempt_entry;
use crate::jobs::{Leave, end_job, release_hold, state_entry};

/// Characters kept of a scheduler's words on why a job waits; Kubernetes lists every node.
const LONGEST_WAIT_REASON: usize = 500;

/// Events of one attempt, folded into one change.
pub(crate) struct Step<'a> {
    broker: &'a Broker,
    job: Job,
    attempt: Attempt,
    job_changed: bool,
    attempt_changed: bool,
    /// The agent said that it will now send, and it must not.
    must_not_send: bool,
    change: Change,
}

impl<'a> Step<'a> {
    pub(crate) fn new(broker: &'a Broker, mut job: Job, mut attempt: Attempt) -> Self {
        let now = broker.inner.clock.now();
        job.updated_at = now;
        attempt.updated_at = now;
        Self {
            broker,
            job,
            attempt,
            job_changed: false,
            attempt_changed: false,
            must_not_send: false,
            change: Change::default(),
        }
    }

    pub(crate) async fn apply(&mut self, event: &AttemptReport) -> Result<(), StoreError> {
        match event {
            AttemptReport::Submitting { .. } => self.announced().await?,
            AttemptReport::Accepted { seen, .. } => {
                let remote_id = seen.remote_id.clone();
                self.attempt_event(AttemptEvent::Accept {
                    remote_id: remote_id.clone(),
                    submitted_at: seen.submitted_at,
                });
                self.job_event(JobEvent::Accept(remote_id));
            }
            AttemptReport::Refused { reason, .. } => self.refused(reason),
            AttemptReport::Started { started_at, .. } => {
                self.job_event(JobEvent::Start(*started_at));
            }
            AttemptReport::Waiting {
                reason,
                expected_start,
                ..
            } => self.waits(reason.as_deref(), *expected_start),
            AttemptReport::Requeued { .. } => self.job_event(JobEvent::Requeue),
            AttemptReport::Ended {
                ended_at, outcome, ..
            } => {
                self.attempt_event(AttemptEvent::End(outcome.clone()));
                self.job_event(JobEvent::End(*ended_at, outcome.clone()));
            }
            AttemptReport::Usage { usage, account, .. } => {
                let account = account.as_deref();
                self.used((usage.as_ref(), account)).await?;
            }
        }
        Ok(())
    }

    /// Whoever announces has sent nothing, and has proof that nobody else has: the last moment at which
    /// what was set at the site, or became of the jobs that this one waits for, keeps it back.
    async fn announced(&mut self) -> Result<(), StoreError> {
        let is_unsent = matches!(
            self.attempt.state,
            AttemptState::Leased | AttemptState::Submitting
        );
        if is_unsent && self.is_current() && !self.attempt.is_handed_over() {
            let at = self.attempt.partition.clone();
            if let Leave::Stays(words) = self.broker.leave(&self.job, &at).await? {
                self.take_back(&words);
                self.must_not_send = true;
                return Ok(());
            }
        }
        self.attempt_event(AttemptEvent::Submit);
        self.must_not_send = self.attempt.state != AttemptState::Submitting;
        Ok(())
    }

    /// Adds what the ledger keeps of who told this.
    pub(crate) fn enter(&mut self, entry: EntryBody) {
        self.change.entries.push(entry);
    }

    /// Whether the agent must not go on with what it announced: it does not know how far another has
    /// brought the attempt.
    pub(super) const fn is_misinformed(&self) -> bool {
        self.must_not_send
    }

    /// Whether the site still has what the broker gave up when the site was lost.
    pub(super) fn is_superseded(&self) -> bool {
        self.attempt.state == AttemptState::Lost
    }

    fn is_current(&self) -> bool {
        self.job.attempt == Some(self.attempt.id)
    }

    /// Applies an event to the attempt. One that does not fit is a late repeat and changes nothing.
    fn attempt_event(&mut self, event: AttemptEvent) {
        let before = self.attempt.state.clone();
        match before.clone().apply(event) {
            Ok(next) if next != before => {
                self.attempt.state = next;
                self.attempt_changed = true;
                let entry = attempt_entry(&self.job, &self.attempt, EntryKind::AttemptStateChanged);
                self.change.entries.push(entry);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(attempt.id = %self.attempt.id, %error, "late report ignored");
            }
        }
    }

    /// Applies an event to the job, if the attempt is the one that counts.
    fn job_event(&mut self, event: JobEvent) {
        if !self.is_current() {
            return;
        }
        let before = self.job.state.clone();
        match before.clone().apply(event) {
            Ok(next) if next != before => {
                self.job.state = next;
                self.job_changed = true;
                self.change.entries.push(state_entry(&self.job));
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(job.id = %self.job.id, %error, "late report ignored"),
        }
    }

    /// Keeps why the scheduler lets the job wait. No state changes by it, so the ledger has none of it.
    fn waits(&mut self, reason: Option<&str>, expected_start: Option<Timestamp>) {
        if !self.is_current() {
            return;
        }
        let event = JobEvent::Wait {
            reason: reason.map(|words| words.chars().take(LONGEST_WAIT_REASON).collect()),
            expected_start,
        };
        if let Ok(next) = self.job.state.clone().apply(event)
            && next != self.job.state
        {
            self.job.state = next;
            self.job_changed = true;
        }
    }

    /// The site said no and has nothing of it: the job goes back to placement without this partition.
    fn refused(&mut self, reason: &str) {
        let partition = self.attempt.partition.clone();
        if self.take_back(reason) && self.job.state == JobState::Pending {
            self.job.refused_by.push(partition.clone());
            self.job.refusals.push(Refusal {
                partition,
                words: reason.chars().take(LONGEST_REASON).collect(),
                at: self.attempt.updated_at,
            });
        }
    }

    /// Closes an attempt that no scheduler has: its job goes back to placement, or ends if that was
    /// asked for. Returns whether the job was still this attempt's.
    pub(crate) fn take_back(&mut self, reason: &str) -> bool {
        let before = self.attempt.state.clone();
        self.attempt_event(AttemptEvent::Refuse(reason.to_owned()));
        if self.attempt.state == before {
            return false;
        }
        self.attempt.settled = true;
        if !self.is_current() {
            return false;
        }
        self.job_changed = true;
        if self.job.cancel_requested_at.is_some() {
            let outcome = Outcome {
                kind: OutcomeKind::Cancelled,
                exit_code: None,
                signal: None,
                site_words: reason.to_owned(),
            };
            end_job(&mut self.job, outcome, &mut self.change);
            return true;
        }
        self.job_event(match self.job.state {
            JobState::Held { .. } => JobEvent::Release,
            _ => JobEvent::Refuse,
        });
        self.job.attempt = None;
        release_hold(&mut self.job, &mut self.change);
        true
    }

    /// Usage closes an attempt, so it counts only after the end: an attempt closed while it runs
    /// would never be looked at again.
    async fn used(&mut self, told: (Option<&UsageReport>, Option<&str>)) -> Result<(), StoreError> {
        if self.attempt.settled {
            return Ok(());
        }
        if !matches!(self.attempt.state, AttemptState::Ended { .. }) {
            tracing::warn!(attempt.id = %self.attempt.id, site.id = %self.attempt.partition.site,
                "usage of an attempt that has not ended is ignored; the agent gets it back");
            return Ok(());
        }
        let Self {
            job,
            attempt,
            change,
            ..
        } = self;
        let held = job.held;
        self.broker.settle(job, attempt, told, change).await?;
        self.job_changed |= self.job.held != held;
        self.attempt_changed = true;
        Ok(())
    }

    pub(crate) async fn commit(mut self) -> Result<(), CommitError> {
        if self.job_changed {
            let write = Write::UpdateJob(Box::new(self.job.clone()));
            self.change.writes.push(write);
        }
        if self.attempt_changed {
            let is_an_agents = self.attempt.leased_by != AgentId::RELEASED;
            if is_an_agents && !self.attempt.is_handed_over() {
                self.attempt.lease_until = self.broker.lease_end();
            }
            let write = Write::UpdateAttempt(Box::new(self.attempt));
            self.change.writes.push(write);
        }
        if self.change.writes.is_empty() {
            return Ok(());
        }
        let moves_hours =
            |write: &Write| matches!(write, Write::Settle { .. } | Write::Release { .. });
        let hours_moved = self.change.writes.iter().any(moves_hours);
        self.broker.commit(self.change).await?;
        if hours_moved {
            self.broker.forget_standing(self.job.spec.project).await;
        }
        let nudges = self.broker.nudges();
        nudges.job(self.job.id);
        if self.job.state == JobState::Pending {
            nudges.pending();
        }
        Ok(())
    }
}
