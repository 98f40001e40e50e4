use broker_model::{
    AgentId, Attempt, AttemptId, AttemptState, EntryKind, HandoffRef, Job, JobId, RemoteId, SiteId,
};
use broker_store::{Change, CommitError, Entity};
use jiff::Timestamp;
use site_adapter::{AttemptReport, HandoffReport, Seen, UsageReport};

use super::fetch::handoff_entry;
use super::fit::{Fit, Known, invalid};
use super::list::accepted_as;
use crate::agents::Step;
use crate::authority::Authority;
use crate::replay::digest;
use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;
const OPEN_AT_ONCE: u32 = 1000;

impl Broker {
    /// Takes what an administrator of the site tells. What was told before changes nothing; what does
    /// not fit, such as a start before the site has it, or another end than was told, is refused with
    /// what is to be told first, or what was told.
    pub async fn report_handoff(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: impl Into<HandoffRef>,
        report: &HandoffReport,
    ) -> Result<Job> {
        let by = self.check_speaks_for(caller, site)?;
        self.report_in_name_of(by, site, id.into(), report).await
    }

    /// Takes what a local person told the site's agent; as for confirmations, they are known by a
    /// pseudonym.
    pub async fn report_handoff_at(
        &self,
        by: (AgentId, &str),
        site: &SiteId,
        id: HandoffRef,
        report: &HandoffReport,
    ) -> Result<Job> {
        let by = self.local_authority(by, site).await?;
        self.report_in_name_of(by, site, id, report).await
    }

    async fn report_in_name_of(
        &self,
        by: Authority,
        site: &SiteId,
        id: HandoffRef,
        report: &HandoffReport,
    ) -> Result<Job> {
        for _ in 0..TRIES {
            let (job, mut attempt) = self.carried_to(site, id).await?;
            if !attempt.is_handed_over() {
                // From now on the site's people speak for it; an agent that comes back does not.
                (attempt.leased_by, attempt.instance) = (AgentId::NOBODY, None);
                attempt.lease_until = Timestamp::MAX;
            }
            let usage = self.inner.store.usage_of(job.id).await?;
            let known = Known {
                job: &job,
                attempt: &attempt,
                charged: usage.iter().find(|it| it.attempt == attempt.id),
            };
            if known.fit(report, self.inner.clock.now())? == Fit::Told {
                return Ok(job);
            }
            self.check_usage(&job, &attempt, report).await?;
            self.check_remote_id(&attempt, report).await?;
            let mut entry = handoff_entry(&job, &attempt, EntryKind::JobHandoffReported)
                .with("by", "site")
                .with("event", report.event());
            by.sign(&mut entry);
            let (id, told) = (job.id, told(attempt.id, report));
            let mut step = Step::new(self, job, attempt);
            step.enter(entry);
            for event in &told {
                step.apply(event).await?;
            }
            match step.commit().await {
                Ok(()) => {
                    let job = self.inner.store.find_job(id).await?;
                    return job.ok_or(Error::NotFound("job"));
                }
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// An agent's record that cannot be is kept for a person to judge; here one is at hand, who can
    /// mend it before it settles the job.
    async fn check_usage(
        &self,
        job: &Job,
        attempt: &Attempt,
        report: &HandoffReport,
    ) -> Result<()> {
        let (HandoffReport::Ended { usage, .. } | HandoffReport::Usage { usage }) = report else {
            return Ok(());
        };
        let Some(usage) = usage else { return Ok(()) };
        check_order(usage)?;
        match self.judge_usage(job, attempt, usage).await? {
            Ok(()) => Ok(()),
            Err(reason) => {
                let allowed = "what the site's accounting says of this job";
                Err(invalid("usage", &reason, allowed))
            }
        }
    }

    /// One run at a site is one attempt's: charged to two jobs it would be paid for twice. What is over
    /// keeps no id, since schedulers begin to count anew.
    async fn check_remote_id(&self, attempt: &Attempt, report: &HandoffReport) -> Result<()> {
        let HandoffReport::Submitted { remote_id, .. } = report else {
            return Ok(());
        };
        let (store, at, mut after) = (&self.inner.store, &attempt.partition, None);
        let has_it = |it: &&Attempt| {
            let is_beside = it.id != attempt.id && it.partition.system == at.system;
            is_beside && accepted_as(it) == Some(remote_id)
        };
        loop {
            let open = store.open_attempts(&at.site, after, OPEN_AT_ONCE).await?;
            if let Some(other) = open.iter().find(has_it) {
                let words = format!("`{remote_id}` is {} there, of {}", other.id, other.job);
                return Err(invalid(
                    "remote_id",
                    &words,
                    "what this job is called there",
                ));
            }
            let Some(last) = open.last() else {
                return Ok(());
            };
            after = Some(last.id);
        }
    }

    /// Takes down that a member of the project says to have handed it in. The site's word is awaited all
    /// the same: this is nothing that is charged or shown by.
    pub async fn claim_handed_in(
        &self,
        caller: &Caller,
        id: JobId,
        remote_id: Option<&RemoteId>,
    ) -> Result<Job> {
        for _ in 0..TRIES {
            let (job, attempt) = self.handed_over_of(caller, id).await?;
            if !caller.may_use(job.spec.project) {
                return Err(Error::NotFound("job"));
            }
            let mut entry = handoff_entry(&job, &attempt, EntryKind::JobHandoffReported)
                .with("by", "owner")
                .with("event", "handed_in")
                .with("verified", false);
            if let Some(remote_id) = remote_id {
                // Typed in by a person: who knows what.
                entry = entry.with("remote_id_sha256", digest(&remote_id.0));
            }
            entry.actor = Some(caller.person);
            let announced = AttemptReport::Submitting {
                attempt: attempt.id,
            };
            let claimed = if attempt.state == AttemptState::Leased {
                let mut step = Step::new(self, job.clone(), attempt);
                step.enter(entry);
                step.apply(&announced).await?;
                step.commit().await
            } else {
                let entries = vec![entry];
                let claim = Change {
                    entries,
                    ..Change::default()
                };
                self.commit(claim).await.map(drop)
            };
            match claimed {
                Ok(()) => return Ok(job),
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// The attempt at this site that its people speak for, over or not, and its job; of a job that
    /// came there more than once the last one. They speak for what one of them has carried there, and for
    /// what no agent can look up any more: nobody else could ever say how it ended.
    pub(super) async fn carried_to(&self, site: &SiteId, id: HandoffRef) -> Result<(Job, Attempt)> {
        let store = &self.inner.store;
        let now = self.inner.clock.now();
        let left = |it: &Attempt| !it.settled && self.is_without_agent(it, now);
        let theirs = |it: &Attempt| it.partition.site == *site && (it.is_handed_over() || left(it));
        let attempt = match id {
            HandoffRef::Job(id) => store.attempts_of(id).await?.into_iter().rfind(theirs),
            HandoffRef::Attempt(id) => store.find_attempt(id).await?.filter(theirs),
        };
        let attempt = attempt.ok_or(Error::NotFound("handoff"))?;
        let job = store.find_job(attempt.job).await?;
        Ok((job.ok_or(Error::NotFound("handoff"))?, attempt))
    }
}

fn told(attempt: AttemptId, report: &HandoffReport) -> Vec<AttemptReport> {
    match report.clone() {
        HandoffReport::Submitted {
            remote_id,
            submitted_at,
        } => {
            let seen = Seen {
                remote_id,
                submitted_at,
            };
            vec![AttemptReport::Accepted { attempt, seen }]
        }
        HandoffReport::Started { started_at } => vec![AttemptReport::Started {
            attempt,
            started_at,
        }],
        HandoffReport::Ended {
            ended_at,
            outcome,
            usage,
        } => {
            let ended = AttemptReport::Ended {
                attempt,
                ended_at,
                outcome,
            };
            let usage = usage.map(|usage| AttemptReport::Usage {
                attempt,
                usage: Some(usage),
                account: None,
            });
            std::iter::once(ended).chain(usage).collect()
        }
        HandoffReport::Usage { usage } => vec![AttemptReport::Usage {
            attempt,
            usage,
            account: None,
        }],
        HandoffReport::Declined { reason } => vec![AttemptReport::Refused { attempt, reason }],
    }
}

fn check_order(usage: &UsageReport) -> Result<()> {
    if usage.ended_at < usage.started_at {
        let words = format!("it ends before it starts at {}", usage.started_at);
        return Err(invalid("usage.ended_at", &words, "a later time"));
    }
    Ok(())
}
