use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use broker_model::{
    Attempt, AttemptEvent, AttemptId, AttemptState, EntryKind, Job, JobEvent, JobId, SiteId,
    SiteState,
};
use broker_store::{Change, CommitError, Write};
use jiff::{SignedDuration, Timestamp};

use crate::agents::{Step, attempt_entry};
use crate::jobs::{release_hold, state_entry};
use crate::{Broker, Result};

const AT_ONCE: u32 = 500;
/// A loop that runs every second and did not run for so long was stopped with its whole machine.
const DEAF_AFTER: SignedDuration = SignedDuration::from_secs(30);
const SILENT: &str = "its site has fallen silent, and had not been sent it";

/// Since when this broker could have heard a site. Silence while the broker itself was down, stopped
/// or without its database says nothing of the sites.
#[derive(Debug)]
pub(crate) struct Hearing(Mutex<Heard>);

#[derive(Debug)]
struct Heard {
    since: Timestamp,
    last_looked_at: Timestamp,
}

impl Hearing {
    pub(crate) fn from(now: Timestamp) -> Self {
        Self(Mutex::new(Heard {
            since: now,
            last_looked_at: now,
        }))
    }

    /// What the sites said until now may not have been heard.
    pub(crate) fn interrupted_at(&self, now: Timestamp) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.since = heard.since.max(now);
    }

    fn look(&self, now: Timestamp) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(heard.last_looked_at) > DEAF_AFTER {
            heard.since = now;
        }
        heard.last_looked_at = now;
    }

    fn since(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since
    }
}

/// Attempts of silent sites that have to wait for their site, whatever else happens: they are not looked
/// at again while the silence lasts.
#[derive(Debug, Default)]
pub(crate) struct Judged(Mutex<HashMap<SiteId, HashSet<AttemptId>>>);

impl Judged {
    fn keep_silent(&self, silent: &HashSet<SiteId>) {
        self.sites().retain(|site, _| silent.contains(site));
    }

    fn of(&self, site: &SiteId) -> HashSet<AttemptId> {
        self.sites().get(site).cloned().unwrap_or_default()
    }

    fn waits(&self, attempt: &Attempt) {
        let mut sites = self.sites();
        let judged = sites.entry(attempt.partition.site.clone()).or_default();
        judged.insert(attempt.id);
    }

    fn sites(&self) -> std::sync::MutexGuard<'_, HashMap<SiteId, HashSet<AttemptId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Takes in what other replicas heard of the sites, and gives up sites that nobody has heard for
    /// too long; returns how many jobs move on.
    pub async fn listen_once(&self) -> Result<u32> {
        let now = self.inner.clock.now();
        self.inner.hearing.look(now);
        match self.board().refresh(&*self.inner.store).await {
            // What is set otherwise now may let a job go that waits.
            Ok(true) => self.nudges().pending(),
            Ok(false) => {}
            Err(error) => {
                self.inner.hearing.interrupted_at(now);
                return Err(error.into());
            }
        }
        self.lose_sites_once().await
    }

    /// Gives up what sites have that were silent for longer than the lost timer, so that it is placed
    /// elsewhere: jobs that were never sent, and attempts of jobs that are marked restartable. Nothing
    /// else may be started again; it waits for its site (invariant 2).
    pub async fn lose_sites_once(&self) -> Result<u32> {
        let now = self.inner.clock.now();
        let mut silent = HashSet::new();
        // Also of sites that are in the federation no more: what was placed there waits for nobody.
        for state in self.board().states() {
            if self.is_lost(&state, now) {
                silent.insert(state.site);
            }
        }
        self.inner.judged.keep_silent(&silent);
        let mut lost = 0;
        for site in &silent {
            lost += self.lose_site(site).await?;
        }
        Ok(lost)
    }

    /// Whether the site was silent for longer than the lost timer, as far as this broker could hear.
    pub(crate) fn is_lost(&self, state: &SiteState, now: Timestamp) -> bool {
        let after = SignedDuration::try_from(self.inner.limits.site_lost_after)
            .unwrap_or(SignedDuration::MAX);
        let heard_at = state.observed_at.max(self.inner.hearing.since());
        now.duration_since(heard_at) > after
    }

    /// Whether no agent has had this attempt for longer than the lost timer, as far as this broker
    /// could hear: who could look it up is gone, or is not asked because it has another scheduler.
    pub(crate) fn is_without_agent(&self, attempt: &Attempt, now: Timestamp) -> bool {
        let after = SignedDuration::try_from(self.inner.limits.site_lost_after)
            .unwrap_or(SignedDuration::MAX);
        let had_until = attempt.lease_until.max(self.inner.hearing.since());
        now.duration_since(had_until) > after
    }

    async fn lose_site(&self, site: &SiteId) -> Result<u32> {
        let mut lost = 0;
        for job in self.inner.store.placed_jobs(site, None, AT_ONCE).await? {
            lost += u32::from(self.withdraw(job, SILENT).await?);
        }
        let judged = self.inner.judged.of(site);
        let mut after = None;
        loop {
            let open = self.inner.store.open_attempts(site, after, AT_ONCE).await?;
            let Some(newest) = open.last() else {
                return Ok(lost);
            };
            after = Some(newest.id);
            lost += self.lose_attempts(open, &judged).await?;
        }
    }

    async fn lose_attempts(&self, open: Vec<Attempt>, judged: &HashSet<AttemptId>) -> Result<u32> {
        let now = self.inner.clock.now();
        // Whoever still renews the lease is not silent, whatever became of the site's snapshots.
        let is_to_be_judged =
            |it: &Attempt| it.lease_until <= now && !judged.contains(&it.id) && is_under_way(it);
        let open: Vec<Attempt> = open.into_iter().filter(is_to_be_judged).collect();
        if open.is_empty() {
            return Ok(0);
        }
        let ids: Vec<JobId> = open.iter().map(|attempt| attempt.job).collect();
        let jobs = self.inner.store.find_jobs(&ids).await?;
        let mut jobs: HashMap<JobId, Job> = jobs.into_iter().map(|job| (job.id, job)).collect();
        let mut lost = 0;
        for attempt in open {
            if let Some(job) = jobs.remove(&attempt.job) {
                lost += u32::from(self.lose_attempt(job, attempt).await?);
            }
        }
        Ok(lost)
    }

    async fn lose_attempt(&self, job: Job, attempt: Attempt) -> Result<bool> {
        if job.attempt != Some(attempt.id) || job.state.is_final() {
            return Ok(false);
        }
        let may_move = job.spec.placement.restartable && job.cancel_requested_at.is_none();
        let lost = if attempt.state == AttemptState::Leased {
            // It must be announced before it is sent, and the announcement would now be refused.
            let mut step = Step::new(self, job, attempt);
            step.take_back(SILENT);
            step.commit().await.map(|()| true)
        } else if may_move {
            self.supersede(job, attempt).await
        } else {
            // It was sent, and nothing makes it one that may be started again.
            self.inner.judged.waits(&attempt);
            Ok(false)
        };
        match lost {
            Err(CommitError::Conflict(_)) => Ok(false),
            answer => Ok(answer?),
        }
    }

    async fn supersede(&self, mut job: Job, mut attempt: Attempt) -> Result<bool, CommitError> {
        let Ok(state) = attempt.state.clone().apply(AttemptEvent::Lose) else {
            return Ok(false);
        };
        let Ok(pending) = job.state.clone().apply(JobEvent::Lose) else {
            return Ok(false);
        };
        let now = self.inner.clock.now();
        (attempt.state, attempt.updated_at) = (state, now);
        (job.state, job.updated_at) = (pending, now);
        let mut change = Change::default();
        change.entries.push(attempt_entry(
            &job,
            &attempt,
            EntryKind::AttemptStateChanged,
        ));
        change.entries.push(state_entry(&job));
        // The lost attempt stays open: it is cancelled first when its site comes back, and what it
        // used there is charged then.
        release_hold(&mut job, &mut change);
        job.attempt = None;
        change.writes.push(Write::UpdateJob(Box::new(job.clone())));
        change.writes.push(Write::UpdateAttempt(Box::new(attempt)));
        self.commit(change).await?;
        self.announce(&job);
        Ok(true)
    }
}

/// What has ended or was given up before waits for nothing but its site.
const fn is_under_way(attempt: &Attempt) -> bool {
    matches!(
        attempt.state,
        AttemptState::Leased | AttemptState::Submitting | AttemptState::Accepted { .. }
    )
}
