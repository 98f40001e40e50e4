use broker_model::{
    AgentId, Confirmation, EntryBody, EntryKind, HoldReason, Job, JobEvent, JobId, OutcomeKind,
    PartitionRef, Principal, SiteId, Verdict, checked_reason,
};
use broker_store::{Change, CommitError, Entity, StoredConfirmation, Write};

use crate::authority::Authority;
use crate::jobs::{Redecided, end_unplaced, job_entry, release_hold, state_entry};
use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;

/// What a person of the site says to a job that waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Confirm,
    /// With words for the user.
    Decline {
        reason: String,
    },
}

/// What is said to a waiting job, before it is stored.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    pub(super) by: Option<Authority>,
}

/// A job that waits, with where and since when.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) job: Job,
    pub(super) at: PartitionRef,
    pub(super) since: jiff::Timestamp,
}

impl Broker {
    /// Takes the answer of a site's administrator. An operator of the broker may look, and not answer:
    /// the site asked for a person of its own.
    pub async fn answer_confirmation(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: JobId,
        answer: Answer,
    ) -> Result<Job> {
        let by = self.check_speaks_for(caller, site)?;
        self.answer_in_name_of(by, site, id, answer).await
    }

    /// Takes the answer that a local person gave to the site's agent. They are known by a pseudonym as
    /// everybody is; the name of their account stays in the identity tables.
    pub async fn answer_confirmation_at(
        &self,
        by: (AgentId, &str),
        site: &SiteId,
        id: JobId,
        answer: Answer,
    ) -> Result<Job> {
        let by = self.local_authority(by, site).await?;
        self.answer_in_name_of(by, site, id, answer).await
    }

    /// The person behind a local account, through the agent that named it.
    pub(crate) async fn local_authority(
        &self,
        (agent, local_user): (AgentId, &str),
        site: &SiteId,
    ) -> Result<Authority> {
        let issuer = format!("urn:alcyone:local-account:{site}");
        let person = self
            .person(&Principal::stranger(&issuer, local_user))
            .await?;
        Ok(Authority {
            person,
            agent: Some(agent),
        })
    }

    async fn answer_in_name_of(
        &self,
        by: Authority,
        site: &SiteId,
        id: JobId,
        answer: Answer,
    ) -> Result<Job> {
        let said = Said::by(by, answer)?;
        for _ in 0..TRIES {
            let asked = self.asked(site, id).await?;
            let done = match said.verdict {
                Verdict::Confirmed => self.confirm(asked, &said).await,
                Verdict::Declined | Verdict::Expired => self.decline(asked, &said).await.map(Ok),
            };
            match done {
                Ok(answer) => return answer,
                Err(CommitError::Conflict(Entity::Job)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// A job that this site is asked about; what was never asked there is not there.
    async fn asked(&self, site: &SiteId, id: JobId) -> Result<Asked> {
        let job = self.inner.store.find_job(id).await?;
        let job = job.ok_or(Error::NotFound("confirmation"))?;
        if let Some(asked) = Asked::of(job.clone()) {
            return Some(asked)
                .filter(|asked| asked.at.site == *site)
                .ok_or(Error::NotFound("confirmation"));
        }
        let said = self.inner.store.confirmations_of(id).await?;
        if said.iter().any(|it| it.partition.site == *site) {
            return Err(Error::NotWaiting(format!(
                "this job no longer waits for a confirmation: it is {}",
                job.state.name().as_str()
            )));
        }
        Err(Error::NotFound("confirmation"))
    }

    /// Lets a job in. It may have waited for days, so it is decided on once more; where the answer is
    /// no by now, or its allocation's term is over, it does not go in, and the error says so.
    async fn confirm(&self, asked: Asked, said: &Said) -> Result<Result<Job>, CommitError> {
        let allocation = self
            .inner
            .store
            .find_allocation(asked.job.allocation)
            .await?;
        let allocation = allocation.ok_or(CommitError::Missing(Entity::Allocation))?;
        if allocation.suspended {
            let words = "its allocation is suspended; the job goes on waiting".to_owned();
            return Ok(Err(Error::NotWaiting(words)));
        }
        if self.inner.clock.now() >= allocation.valid_until {
            let words = self.end_over(asked, allocation.valid_until).await?;
            return Ok(Err(Error::NotWaiting(words)));
        }
        if let Some(words) = self.barred(&asked.job, &allocation, &asked.at) {
            return Ok(Err(Error::NotWaiting(words)));
        }
        let Asked { mut job, at, since } = asked;
        job.updated_at = self.inner.clock.now();
        let mut change = Change::default();
        let turned = match self.redecide(&job, &allocation).await? {
            Redecided::Eligible(verdict) => {
                verdict.adopt(&mut job, &mut change);
                None
            }
            Redecided::Turned(verdict) => {
                verdict.adopt(&mut job, &mut change);
                Some("its project may not compute any more; the job waits for that to be mended")
            }
            Redecided::Still => Some("its project may not compute; the job waits for that"),
            Redecided::OwnerLeft => {
                let words = "its owner no longer works in the project";
                end_unplaced(&mut job, OutcomeKind::Failed, words, &mut change);
                return self.turned(job, change, words).await;
            }
        };
        if let Some(words) = turned {
            released(&mut job, &mut change);
            return self.turned(job, change, words).await;
        }
        let Ok(state) = job.state.clone().apply(JobEvent::Confirm) else {
            return Err(CommitError::Conflict(Entity::Job));
        };
        said.enter(&job, &at, since, &mut change);
        job.state = state;
        change.entries.push(state_entry(&job));
        self.answered(job, change).await.map(Ok)
    }

    async fn turned(
        &self,
        job: Job,
        change: Change,
        words: &str,
    ) -> Result<Result<Job>, CommitError> {
        self.answered(job, change).await?;
        Ok(Err(Error::NotWaiting(words.to_owned())))
    }

    /// Sends a job back to placement, without this site: it speaks for all its partitions.
    pub(super) async fn decline(&self, asked: Asked, said: &Said) -> Result<Job, CommitError> {
        let Asked { mut job, at, since } = asked;
        job.updated_at = self.inner.clock.now();
        let mut change = Change::default();
        said.enter(&job, &at, since, &mut change);
        for partition in self.board().partitions_of(&at) {
            if !job.refused_by.contains(&partition) {
                job.refused_by.push(partition);
            }
        }
        released(&mut job, &mut change);
        self.answered(job, change).await
    }

    pub(super) async fn answered(
        &self,
        mut job: Job,
        mut change: Change,
    ) -> Result<Job, CommitError> {
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        self.commit(change).await?;
        self.forget_standing(job.spec.project).await;
        self.announce(&job);
        job.version += 1;
        Ok(job)
    }
}

impl Asked {
    pub(super) fn of(job: Job) -> Option<Self> {
        let (HoldReason::Confirmation, since) = job.state.waits_for()? else {
            return None;
        };
        let at = job.state.partition()?.clone();
        Some(Self { job, at, since })
    }
}

impl Said {
    fn by(by: Authority, answer: Answer) -> Result<Self> {
        let (verdict, reason) = match answer {
            Answer::Confirm => (Verdict::Confirmed, None),
            Answer::Decline { reason } => (Verdict::Declined, Some(worded(&reason)?)),
        };
        Ok(Self {
            verdict,
            reason,
            by: Some(by),
        })
    }

    /// Words may name people: the ledger has who and what, the words are beside it.
    fn enter(&self, job: &Job, at: &PartitionRef, since: jiff::Timestamp, change: &mut Change) {
        let agent = self.by.and_then(|by| by.agent);
        let mut entry = EntryBody {
            actor: self.by.map(|by| by.person),
            site: Some(at.site.clone()),
            ..job_entry(job, EntryKind::JobConfirmation)
        }
        .with("verdict", self.verdict.as_str())
        .with("partition", at.to_string());
        if let Some(agent) = agent {
            entry = entry.with("agent", agent.to_string());
        }
        change.entries.push(entry);
        let confirmation = Confirmation {
            job: job.id,
            partition: at.clone(),
            verdict: self.verdict,
            reason: self.reason.clone(),
            by: self.by.map(|by| by.person),
            agent,
            waited_since: since,
            decided_at: job.updated_at,
        };
        let stored = StoredConfirmation {
            job_version: job.version + 1,
            confirmation,
        };
        let write = Write::InsertConfirmation(Box::new(stored));
        change.writes.push(write);
    }
}

fn worded(reason: &str) -> Result<String> {
    let checked = checked_reason(reason);
    let checked = checked.map_err(|it| Error::InvalidSpec(vec![it]))?;
    Ok(checked.to_owned())
}

/// Back to placement, with what was held for it given back.
pub(super) fn released(job: &mut Job, change: &mut Change) {
    let Ok(state) = job.state.clone().apply(JobEvent::Release) else {
        return;
    };
    job.state = state;
    change.entries.push(state_entry(job));
    release_hold(job, change);
}
