use std::collections::BTreeMap;

use broker_model::{
    AgentId, Attempt, AttemptEvent, AttemptId, EntryBody, EntryKind, Job, JobEvent, OutcomeKind,
    SiteId, SiteState,
};
use broker_store::{Change, CommitError, Entity, Write};
use futures::future::join_all;
use site_adapter::{AttemptReport, LogChunk, Report, ReportReply, SiteSnapshot};

use crate::agents::lease::attempt_entry;
use crate::jobs::{end_job, release_hold, state_entry};
use crate::{Broker, Error, Result};

const TRIES: u32 = 8;

/// What became of one attempt's part of a report.
enum Told {
    Stored,
    /// Another agent has it, or the broker does not know it.
    Forget(AttemptId),
}

impl Broker {
    /// Stores what an agent tells; when this returns `Ok` all of it is durable. Events of one attempt
    /// apply in order, those of different attempts share commits. What was told before changes nothing.
    pub async fn report(&self, report: Report) -> Result<ReportReply> {
        if let Some(snapshot) = report.snapshot.clone() {
            self.hear(&report.site, snapshot).await?;
        }
        let mut by_attempt: BTreeMap<AttemptId, Vec<&AttemptReport>> = BTreeMap::new();
        for event in &report.attempts {
            by_attempt.entry(event.attempt()).or_default().push(event);
        }
        let told = by_attempt
            .into_iter()
            .map(|(attempt, events)| self.tell(&report.site, report.agent, attempt, events));
        let mut forget = Vec::new();
        for result in join_all(told).await {
            if let Told::Forget(attempt) = result? {
                forget.push(attempt);
            }
        }
        self.store_logs(&report.site, report.logs).await?;
        forget.extend(
            self.renew(&report.site, report.agent, &report.working_on)
                .await?,
        );
        let asked = self.inner.store.cancel_requests(&report.site).await?;
        let cancel = asked
            .into_iter()
            .filter(|id| report.working_on.contains(id))
            .collect();
        Ok(ReportReply { cancel, forget })
    }

    async fn tell(
        &self,
        site: &SiteId,
        agent: AgentId,
        id: AttemptId,
        events: Vec<&AttemptReport>,
    ) -> Result<Told> {
        for _ in 0..TRIES {
            let Some(attempt) = self.inner.store.find_attempt(id).await? else {
                return Ok(Told::Forget(id));
            };
            let is_anothers =
                attempt.leased_by != agent && attempt.lease_until > self.inner.clock.now();
            if attempt.partition.site != *site || is_anothers {
                return Ok(Told::Forget(id));
            }
            let Some(job) = self.inner.store.find_job(attempt.job).await? else {
                return Ok(Told::Forget(id));
            };
            let mut step = Step::new(self, agent, job, attempt);
            for event in &events {
                step.apply(event).await?;
            }
            match step.commit().await {
                Ok(()) => return Ok(Told::Stored),
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                Err(CommitError::Duplicate(Entity::UsageRecord)) => return Ok(Told::Stored),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    async fn store_logs(&self, site: &SiteId, logs: Vec<LogChunk>) -> Result<()> {
        let ids: Vec<AttemptId> = logs.iter().map(|chunk| chunk.attempt).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let attempts = self.inner.store.find_attempts(&ids).await?;
        let jobs: BTreeMap<AttemptId, _> = attempts
            .into_iter()
            .filter(|attempt| attempt.partition.site == *site)
            .map(|attempt| (attempt.id, attempt.job))
            .collect();
        let mut change = Change::default();
        for chunk in logs {
            let Some(job) = jobs.get(&chunk.attempt).copied() else {
                continue;
            };
            change.writes.push(Write::AppendLog {
                job,
                attempt: chunk.attempt,
                stream: chunk.stream.as_str(),
                offset: chunk.offset,
                bytes: self.within_limit(chunk.offset, chunk.bytes),
            });
        }
        self.commit(change).await?;
        for job in jobs.into_values() {
            self.nudges().job(job);
        }
        Ok(())
    }

    /// Cuts what goes over the limit of one stream, and says so in its last line.
    fn within_limit(&self, offset: u64, mut bytes: Vec<u8>) -> Vec<u8> {
        let room = usize::try_from(self.inner.limits.log_bytes.saturating_sub(offset))
            .unwrap_or(usize::MAX);
        if bytes.len() <= room {
            return bytes;
        }
        bytes.truncate(room);
        if room > 0 {
            bytes.extend_from_slice(b"\n[log cut here: the limit of stored bytes is reached]\n");
        }
        bytes
    }

    /// Prolongs leases that are half over; returns what is no longer this agent's.
    async fn renew(
        &self,
        site: &SiteId,
        agent: AgentId,
        working_on: &[AttemptId],
    ) -> Result<Vec<AttemptId>> {
        let now = self.inner.clock.now();
        let attempts = self.inner.store.find_attempts(working_on).await?;
        let mut gone: Vec<AttemptId> = working_on
            .iter()
            .copied()
            .filter(|id| !attempts.iter().any(|a| a.id == *id))
            .collect();
        let half = jiff::SignedDuration::try_from(self.inner.limits.lease / 2).unwrap_or_default();
        let mut renewals = Vec::new();
        for mut attempt in attempts {
            let is_mine = attempt.leased_by == agent && attempt.partition.site == *site;
            if !is_mine || attempt.settled {
                gone.push(attempt.id);
            } else if attempt.lease_until.duration_since(now) < half {
                attempt.lease_until = self.lease_end();
                let write = Write::UpdateAttempt(Box::new(attempt));
                renewals.push(self.commit(Change {
                    writes: vec![write],
                    entries: Vec::new(),
                }));
            }
        }
        for renewed in join_all(renewals).await {
            match renewed {
                // A report of the same agent changed it meanwhile; the next round renews.
                Ok(_) | Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone)
    }

    /// Takes in what a site offers; a change of its readiness is an entry, the numbers are not.
    async fn hear(&self, site: &SiteId, snapshot: SiteSnapshot) -> Result<()> {
        let now = self.inner.clock.now();
        let ttl = u32::try_from(self.inner.limits.site_state_ttl.as_secs()).unwrap_or(u32::MAX);
        let state = SiteState {
            site: site.clone(),
            readiness: snapshot.readiness,
            reason: snapshot.reason.clone(),
            // By the broker's clock: a site's clock may be wrong, and its word is only as old as this.
            observed_at: now,
            ttl_seconds: ttl,
        };
        let before = self.board().state_of(site).map(|state| state.readiness);
        let mut change = Change {
            writes: vec![
                Write::PutSiteState(Box::new(state.clone())),
                Write::PutSiteSnapshot {
                    site: site.clone(),
                    snapshot: Box::new(snapshot.clone()),
                },
            ],
            entries: Vec::new(),
        };
        if before != Some(state.readiness) {
            let readiness = serde_json::to_value(state.readiness).unwrap_or_default();
            let mut entry =
                EntryBody::new(now, EntryKind::SiteStateChanged).with("readiness", readiness);
            entry.site = Some(site.clone());
            change.entries.push(entry);
        }
        self.commit(change).await?;
        self.board().hear(state, Some(snapshot));
        if before != Some(broker_model::SiteReadiness::Ready) {
            self.nudges().pending();
        }
        Ok(())
    }
}

/// The events of one attempt, folded into one change.
struct Step<'a> {
    broker: &'a Broker,
    job: Job,
    attempt: Attempt,
    job_changed: bool,
    attempt_changed: bool,
    change: Change,
}

impl<'a> Step<'a> {
    fn new(broker: &'a Broker, agent: AgentId, mut job: Job, mut attempt: Attempt) -> Self {
        let now = broker.inner.clock.now();
        job.updated_at = now;
        attempt.updated_at = now;
        attempt.leased_by = agent;
        attempt.lease_until = broker.lease_end();
        let (job_changed, attempt_changed) = (false, false);
        Self {
            broker,
            job,
            attempt,
            job_changed,
            attempt_changed,
            change: Change::default(),
        }
    }

    async fn apply(&mut self, event: &AttemptReport) -> Result<()> {
        match event {
            AttemptReport::Submitting { .. } => self.attempt_event(AttemptEvent::Submit),
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
            AttemptReport::Requeued { .. } => self.job_event(JobEvent::Requeue),
            AttemptReport::Ended {
                ended_at, outcome, ..
            } => {
                self.attempt_event(AttemptEvent::End(outcome.clone()));
                self.job_event(JobEvent::End(*ended_at, outcome.clone()));
            }
            AttemptReport::Usage { usage, .. } => {
                self.broker
                    .settle(
                        &mut self.job,
                        &mut self.attempt,
                        usage.as_ref(),
                        &mut self.change,
                    )
                    .await?;
                (self.job_changed, self.attempt_changed) = (true, true);
            }
        }
        Ok(())
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

    /// The site said no and has nothing of it: the job goes back to placement without this partition,
    /// or ends if that was asked for.
    fn refused(&mut self, reason: &str) {
        let before = self.attempt.state.clone();
        self.attempt_event(AttemptEvent::Refuse(reason.to_owned()));
        if self.attempt.state == before {
            return;
        }
        self.attempt.settled = true;
        if !self.is_current() {
            return;
        }
        self.job_changed = true;
        if self.job.cancel_requested_at.is_some() {
            let outcome = broker_model::Outcome {
                kind: OutcomeKind::Cancelled,
                exit_code: None,
                signal: None,
                site_words: reason.to_owned(),
            };
            end_job(&mut self.job, outcome, &mut self.change);
            return;
        }
        self.job.refused_by.push(self.attempt.partition.clone());
        self.job_event(JobEvent::Refuse);
        self.job.attempt = None;
        release_hold(&mut self.job, &mut self.change);
    }

    async fn commit(mut self) -> Result<(), CommitError> {
        if self.job_changed {
            self.change
                .writes
                .push(Write::UpdateJob(Box::new(self.job.clone())));
        }
        if self.attempt_changed {
            self.change
                .writes
                .push(Write::UpdateAttempt(Box::new(self.attempt)));
        }
        if self.change.writes.is_empty() {
            return Ok(());
        }
        self.broker.commit(self.change).await?;
        let nudges = self.broker.nudges();
        nudges.job(self.job.id);
        if self.job.state == broker_model::JobState::Pending {
            nudges.pending();
        }
        Ok(())
    }
}
