use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use broker_model::{
    AgentId, Attempt, AttemptId, AttemptState, EntryBody, EntryKind, Job, JobState, SiteId,
};
use broker_store::{Change, CommitError, Write};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use site_adapter::{LeaseReply, LeaseRequest, LeasedAttempt, Seen, Work};
use tokio::time::{Instant, timeout_at};

use crate::{Broker, Result};

/// Another replica's placements come without a nudge: look this often while an agent waits.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often an agent with work is told of open attempts it does not name.
const FULL_LOOK: SignedDuration = SignedDuration::from_secs(10);
const LONGEST_WAIT_SECONDS: u32 = 60;
const OPEN_AT_ONCE: u32 = 1000;

/// When each agent was last given a full look at its site's open attempts.
#[derive(Debug, Default)]
pub struct Looks(Mutex<HashMap<AgentId, Timestamp>>);

impl Looks {
    fn is_due(&self, agent: AgentId, now: Timestamp) -> bool {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = looks
            .get(&agent)
            .is_none_or(|last| now.duration_since(*last) > FULL_LOOK);
        if due {
            looks.insert(agent, now);
        }
        due
    }
}

impl Broker {
    /// Gives an agent work of its site: new attempts, attempts nobody works on any more, and what to
    /// stop. Waits for some up to the time asked.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<LeaseReply> {
        let wait = Duration::from_secs(request.wait_seconds.min(LONGEST_WAIT_SECONDS).into());
        let deadline = Instant::now() + wait;
        let notify = self.nudges().site_notify(&request.site);
        loop {
            let nudged = notify.notified();
            let reply = self.lease_now(request).await?;
            let now = Instant::now();
            if !reply.attempts.is_empty() || !reply.cancel.is_empty() || now >= deadline {
                return Ok(reply);
            }
            let _ = timeout_at(deadline.min(now + LOOK_AGAIN), nudged).await;
        }
    }

    async fn lease_now(&self, request: &LeaseRequest) -> Result<LeaseReply> {
        let now = self.inner.clock.now();
        let known: HashSet<AttemptId> = request.working_on.iter().copied().collect();
        let mut attempts = Vec::new();
        if known.is_empty() || self.inner.looks.is_due(request.agent, now) {
            attempts = self.take_over(request, &known).await?;
        }
        if request.want > 0 {
            attempts.extend(self.claim(request).await?);
        }
        let asked = self.inner.store.cancel_requests(&request.site).await?;
        let cancel = asked
            .into_iter()
            .filter(|attempt| known.contains(attempt))
            .collect();
        Ok(LeaseReply { attempts, cancel })
    }

    /// Open attempts of the site that are this agent's (it was restarted) or nobody's (the lease of
    /// another ran out).
    async fn take_over(
        &self,
        request: &LeaseRequest,
        known: &HashSet<AttemptId>,
    ) -> Result<Vec<LeasedAttempt>> {
        let now = self.inner.clock.now();
        let open = self
            .inner
            .store
            .open_attempts(&request.site, OPEN_AT_ONCE)
            .await?;
        let mine = open.into_iter().filter(|attempt| {
            let free = attempt.leased_by == request.agent || attempt.lease_until <= now;
            free && !known.contains(&attempt.id)
        });
        let taken = join_all(mine.map(|attempt| self.take_over_one(request.agent, attempt))).await;
        taken.into_iter().filter_map(Result::transpose).collect()
    }

    async fn take_over_one(
        &self,
        agent: AgentId,
        mut attempt: Attempt,
    ) -> Result<Option<LeasedAttempt>> {
        let Some(job) = self.inner.store.find_job(attempt.job).await? else {
            return Ok(None);
        };
        attempt.leased_by = agent;
        attempt.lease_until = self.lease_end();
        attempt.updated_at = self.inner.clock.now();
        let write = Write::UpdateAttempt(Box::new(attempt.clone()));
        match self
            .commit(Change {
                writes: vec![write],
                entries: Vec::new(),
            })
            .await
        {
            Ok(_) => self.leased(&job, &attempt).await,
            // Another agent was faster.
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn claim(&self, request: &LeaseRequest) -> Result<Vec<LeasedAttempt>> {
        let placed = self
            .inner
            .store
            .placed_jobs(&request.site, request.want)
            .await?;
        let claims = placed
            .into_iter()
            .map(|job| self.claim_one(request.agent, job));
        join_all(claims)
            .await
            .into_iter()
            .filter_map(Result::transpose)
            .collect()
    }

    async fn claim_one(&self, agent: AgentId, mut job: Job) -> Result<Option<LeasedAttempt>> {
        let JobState::Placed { partition } = &job.state else {
            return Ok(None);
        };
        let now = self.inner.clock.now();
        let attempt = Attempt {
            id: self.inner.ids.next(&*self.inner.clock),
            job: job.id,
            partition: partition.clone(),
            state: AttemptState::Leased,
            leased_by: agent,
            lease_until: self.lease_end(),
            settled: false,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        job.attempt = Some(attempt.id);
        job.updated_at = now;
        let change = Change {
            entries: vec![attempt_entry(&job, &attempt, EntryKind::AttemptLeased)],
            writes: vec![
                Write::UpdateJob(Box::new(job.clone())),
                Write::InsertAttempt(Box::new(attempt.clone())),
            ],
        };
        match self.commit(change).await {
            Ok(_) => self.leased(&job, &attempt).await,
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What the agent needs to work on an attempt; `None` when the registry no longer has the
    /// partition or the job no variant for it.
    async fn leased(&self, job: &Job, attempt: &Attempt) -> Result<Option<LeasedAttempt>> {
        let Some(work) = self.work(job, attempt) else {
            tracing::error!(attempt.id = %attempt.id, partition = %attempt.partition,
                "the partition of an open attempt is not in config/sites any more");
            return Ok(None);
        };
        let store = &self.inner.store;
        let allocation = store.find_allocation(job.allocation).await?;
        let site: &SiteId = &attempt.partition.site;
        let is_new = attempt.version == 1;
        let (stdout_offset, stderr_offset) = if is_new {
            (0, 0)
        } else {
            (
                store.log_length(attempt.id, "stdout").await?,
                store.log_length(attempt.id, "stderr").await?,
            )
        };
        Ok(Some(LeasedAttempt {
            attempt: attempt.id,
            job: job.id,
            project: job.spec.project,
            account_hint: allocation.and_then(|a| a.local_accounts.get(site).cloned()),
            work,
            lease_until: attempt.lease_until,
            may_exist: !matches!(attempt.state, AttemptState::Leased),
            accepted: match &attempt.state {
                AttemptState::Accepted {
                    remote_id,
                    submitted_at,
                } => Some(Seen {
                    remote_id: remote_id.clone(),
                    submitted_at: *submitted_at,
                }),
                _ => None,
            },
            ended: matches!(attempt.state, AttemptState::Ended { .. }),
            cancel: job.cancel_requested_at.is_some() || job.attempt != Some(attempt.id),
            stdout_offset,
            stderr_offset,
        }))
    }

    fn work(&self, job: &Job, attempt: &Attempt) -> Option<Work> {
        let partition = self.board().partition(&attempt.partition)?;
        let variant = job.spec.variants.get(&partition.container_target)?;
        Some(Work {
            name: job.spec.name.clone(),
            resources: job.spec.resources.clone(),
            image: variant.image.clone(),
            script: variant.script.clone(),
            partition: attempt.partition.clone(),
            scheduler_gpus_per_gpu: partition.scheduler_gpus_per_gpu,
            exclusive: partition.exclusive,
        })
    }

    pub(crate) fn lease_end(&self) -> Timestamp {
        let lease =
            SignedDuration::try_from(self.inner.limits.lease).unwrap_or(SignedDuration::ZERO);
        self.inner
            .clock
            .now()
            .saturating_add(lease)
            .unwrap_or(Timestamp::MAX)
    }
}

/// The ledger's word on an attempt.
pub(crate) fn attempt_entry(job: &Job, attempt: &Attempt, kind: EntryKind) -> EntryBody {
    let mut entry = EntryBody::new(attempt.updated_at, kind)
        .with("state", attempt.state.as_str())
        .with("partition", attempt.partition.to_string());
    entry.project = Some(job.spec.project);
    entry.job = Some(job.id);
    entry.attempt = Some(attempt.id);
    entry.site = Some(attempt.partition.site.clone());
    entry
}
