use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use broker_model::{
    AgentId, Attempt, AttemptId, AttemptState, EntryBody, EntryKind, Job, JobState, PartitionRef,
};
use broker_store::{Change, CommitError, Write};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use site_adapter::{LeaseReply, LeaseRequest, LeasedAttempt};
use tokio::time::{Instant, timeout_at};

use crate::agents::Step;
use crate::jobs::{Dependencies, Leave};
use crate::{Broker, KnownAgent, Result};

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
            // Who was silent for longer is due anyway: agents that come and go leave nothing behind.
            looks.retain(|_, last| now.duration_since(*last) <= FULL_LOOK);
            looks.insert(agent, now);
        }
        due
    }
}

impl Broker {
    /// Gives an agent work of its site: new attempts, attempts nobody works on any more, and what to
    /// stop. Waits for some up to the time asked.
    pub async fn lease(&self, request: &LeaseRequest) -> Result<LeaseReply> {
        self.lease_for(None, request).await
    }

    /// As [`lease`](Self::lease), for an agent that came over the network. One that is revoked while it
    /// waits is told so within a second, and keeps nothing of what it was given meanwhile.
    pub async fn lease_as(&self, agent: &KnownAgent, request: &LeaseRequest) -> Result<LeaseReply> {
        self.lease_for(Some(agent), request).await
    }

    async fn lease_for(
        &self,
        agent: Option<&KnownAgent>,
        request: &LeaseRequest,
    ) -> Result<LeaseReply> {
        let wait = Duration::from_secs(request.wait_seconds.min(LONGEST_WAIT_SECONDS).into());
        let deadline = Instant::now() + wait;
        let notify = self.nudges().site_notify(&request.site);
        loop {
            let nudged = notify.notified();
            let reply = self.lease_now(request).await?;
            // After the claims: whoever revokes it later finds them among what it holds.
            if let Some(agent) = agent {
                self.still_counts(agent).await?;
            }
            let now = Instant::now();
            let says_something = !reply.attempts.is_empty() || !reply.cancel.is_empty();
            if says_something || now >= deadline || self.is_draining() {
                return Ok(reply);
            }
            tokio::select! {
                _ = timeout_at(deadline.min(now + LOOK_AGAIN), nudged) => {}
                () = self.drained() => return Ok(reply),
            }
        }
    }

    async fn lease_now(&self, request: &LeaseRequest) -> Result<LeaseReply> {
        let now = self.inner.clock.now();
        let known: HashSet<AttemptId> = request.working_on.iter().copied().collect();
        let mut attempts = Vec::new();
        if known.is_empty() || self.inner.looks.is_due(request.agent, now) {
            attempts = self.take_over(request, &known).await?;
        }
        // What is taken over fills the room that the agent has told of: one that is restarted again and
        // again would else gather more and more that it has to look up first.
        let taken = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let want = request.want.saturating_sub(taken);
        if want > 0 {
            attempts.extend(self.claim(request, want).await?);
        }
        let asked = self.inner.store.cancel_requests(&request.site).await?;
        let cancel = asked
            .into_iter()
            .filter(|attempt| known.contains(attempt))
            .collect();
        Ok(LeaseReply {
            attempts,
            cancel,
            now: Some(self.inner.clock.now()),
        })
    }

    /// Open attempts of the site that are this agent's (it was restarted) or nobody's (the lease of
    /// another ran out).
    async fn take_over(
        &self,
        request: &LeaseRequest,
        known: &HashSet<AttemptId>,
    ) -> Result<Vec<LeasedAttempt>> {
        let now = self.inner.clock.now();
        let store = &self.inner.store;
        let (mut taken, mut after) = (Vec::new(), None);
        let mut room = request.want;
        loop {
            let free = store
                .free_attempts(&request.site, request.agent, now, after, OPEN_AT_ONCE)
                .await?;
            after = free.last().map(|attempt| attempt.id);
            let mine = free
                .into_iter()
                .filter(|attempt| is_free(attempt, request, now) && !known.contains(&attempt.id))
                .filter(|attempt| has_room(attempt, request, &mut room));
            let mine = mine.map(|attempt| self.take_over_one(request, attempt));
            for one in join_all(mine).await {
                taken.extend(one?);
            }
            if after.is_none() || taken.len() >= OPEN_AT_ONCE as usize {
                return Ok(taken);
            }
        }
    }

    async fn take_over_one(
        &self,
        request: &LeaseRequest,
        mut attempt: Attempt,
    ) -> Result<Option<LeasedAttempt>> {
        let Some(job) = self.inner.store.find_job(attempt.job).await? else {
            return Ok(None);
        };
        let Some(mut work) = self.work(&job, &attempt) else {
            self.cannot_be_worked_on(job, attempt).await?;
            return Ok(None);
        };
        let unsent = attempt.state == AttemptState::Leased;
        if unsent || attempt.state == AttemptState::Submitting {
            match self.leave(&job, &attempt.partition).await? {
                Leave::Sent(after) => work.after = after,
                Leave::Stays(words) if unsent => return self.give_back(job, attempt, &words).await,
                // It may have been sent: if not, whoever finds that out announces it again, and hears it then.
                // What keeps it back may have passed by that time, and what it waits for may not.
                Leave::Stays(_) => {
                    if let Dependencies::Open { live, .. } = self.dependencies(&job.spec).await? {
                        work.after = live;
                    }
                }
            }
        }
        attempt.leased_by = request.agent;
        attempt.instance = request.instance;
        if attempt.state == AttemptState::Leased {
            attempt.scheduler.clone_from(&request.scheduler);
        }
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
            Ok(_) => self.leased(&job, &attempt, work).await.map(Some),
            // Another agent was faster.
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn claim(&self, request: &LeaseRequest, want: u32) -> Result<Vec<LeasedAttempt>> {
        let want = want.min(OPEN_AT_ONCE);
        let (mut claimed, mut after) = (Vec::new(), None);
        loop {
            let left = want.saturating_sub(u32::try_from(claimed.len()).unwrap_or(want));
            let store = &self.inner.store;
            let placed = store.placed_jobs(&request.site, after, left).await?;
            let is_last = placed.len() < left as usize;
            after = placed.last().map(|job| job.id);
            let claims = placed.into_iter().map(|job| self.claim_one(request, job));
            for one in join_all(claims).await {
                claimed.extend(one?);
            }
            // Jobs that have to wait for what is left of them here do not stand before younger ones.
            if is_last || claimed.len() >= want as usize {
                return Ok(claimed);
            }
        }
    }

    async fn claim_one(
        &self,
        request: &LeaseRequest,
        mut job: Job,
    ) -> Result<Option<LeasedAttempt>> {
        let JobState::Placed { partition } = &job.state else {
            return Ok(None);
        };
        if !request.serves(&partition.system) {
            return Ok(None);
        }
        if self.has_lost_attempt(&job, partition).await? {
            return Ok(None);
        }
        let after = match self.leave(&job, partition).await? {
            Leave::Sent(after) => after,
            Leave::Stays(words) => {
                self.withdraw(job, &words).await?;
                return Ok(None);
            }
        };
        let now = self.inner.clock.now();
        let attempt = Attempt {
            id: self.inner.ids.next(&*self.inner.clock),
            job: job.id,
            partition: partition.clone(),
            state: AttemptState::Leased,
            leased_by: request.agent,
            instance: request.instance,
            scheduler: request.scheduler.clone(),
            lease_until: self.lease_end(),
            settled: false,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let Some(mut work) = self.work(&job, &attempt) else {
            self.withdraw(job, "its partition is no longer in the federation")
                .await?;
            return Ok(None);
        };
        work.after = after;
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
            Ok(_) => self.leased(&job, &attempt, work).await.map(Some),
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// An attempt whose partition is not in the registry any more. If nothing was sent its job is
    /// placed again; if something may have been, a person has to bring the partition back.
    async fn cannot_be_worked_on(&self, job: Job, attempt: Attempt) -> Result<()> {
        if attempt.state != AttemptState::Leased {
            tracing::error!(attempt.id = %attempt.id, partition = %attempt.partition,
                "an attempt waits for its partition, which is not in config/sites any more or takes \
                 other containers; bring it back");
            return Ok(());
        }
        self.give_back(job, attempt, "its partition is no longer in the federation")
            .await
            .map(drop)
    }

    /// An attempt of which nothing was sent: its job is placed again.
    async fn give_back(
        &self,
        job: Job,
        attempt: Attempt,
        reason: &str,
    ) -> Result<Option<LeasedAttempt>> {
        let mut step = Step::new(self, job, attempt);
        step.take_back(reason);
        match step.commit().await {
            Ok(()) | Err(CommitError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this system still has an attempt of the job that was given up: it is cancelled first.
    async fn has_lost_attempt(&self, job: &Job, at: &PartitionRef) -> Result<bool> {
        if !job.spec.placement.restartable {
            return Ok(false);
        }
        let attempts = self.inner.store.attempts_of(job.id).await?;
        let is_here =
            |it: &&Attempt| it.partition.site == at.site && it.partition.system == at.system;
        let mut here = attempts.iter().filter(is_here);
        Ok(here.any(|attempt| attempt.state == AttemptState::Lost))
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

/// Whether the one who asks may go on with an attempt.
///
/// A later process of the same agent is a restarted one, or a second one beside the first. What was
/// not announced, or is at the scheduler, it may have at once: the first is not listened to any more,
/// and sends nothing then. What was announced the first may be sending just now, so that is given
/// away only when its lease is over, as to any other agent. Ids of processes sort by their start, and
/// only the later one takes: two that both live would take the same from each other for ever.
fn is_free(attempt: &Attempt, request: &LeaseRequest, now: Timestamp) -> bool {
    // A person carries it, whatever the one who asks calls itself.
    if attempt.is_handed_over() || !can_look_up(attempt, request) {
        return false;
    }
    let announced = attempt.state == AttemptState::Submitting;
    let is_later = attempt.leased_by == request.agent && attempt.instance < request.instance;
    let restarted = is_later && !announced;
    restarted || attempt.is_leased_to(request.agent, request.instance) || attempt.lease_until <= now
}

/// Whether the one who asks reaches the scheduler that has the attempt, or would have it, just now.
///
/// Two agents that run processes on two machines are two schedulers: the second would find nothing of
/// what the first has started, and start it again.
fn can_look_up(attempt: &Attempt, request: &LeaseRequest) -> bool {
    let named = attempt.scheduler.as_ref().zip(request.scheduler.as_ref());
    let same = named.is_none_or(|(its, asking)| its == asking);
    let unsent = matches!(
        attempt.state,
        AttemptState::Leased | AttemptState::Submitting
    );
    request.serves(&attempt.partition.system)
        && (same || attempt.state == AttemptState::Leased)
        && !(request.only_sent && unsent)
}

/// Whether the one who asks has room for it: what another was given and nobody has announced is new work,
/// and all else has to be looked up whatever room there is.
fn has_room(attempt: &Attempt, request: &LeaseRequest, room: &mut u32) -> bool {
    let is_new = attempt.state == AttemptState::Leased && attempt.leased_by != request.agent;
    if !is_new {
        return true;
    }
    let fits = *room > 0;
    *room = room.saturating_sub(1);
    fits
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

#[cfg(test)]
mod tests {
    use broker_model::{Clock as _, Ids, ManualClock};

    use super::*;

    #[test]
    fn agents_that_come_and_go_are_not_remembered() {
        let (looks, ids) = (Looks::default(), Ids::from_os());
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let stays = ids.next(&clock);
        let mut due = 0;
        for _ in 0..100 {
            clock.advance(SignedDuration::from_secs(1));
            looks.is_due(ids.next(&clock), clock.now());
            due += u32::from(looks.is_due(stays, clock.now()));
        }
        assert_eq!(due, 10, "every eleventh second");
        assert!(looks.0.lock().unwrap().len() <= 12);
    }
}
