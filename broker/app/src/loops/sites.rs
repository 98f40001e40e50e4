use std::collections::{HashMap, HashSet};

use broker_model::{
    Attempt, AttemptEvent, AttemptId, AttemptState, EntryKind, Job, JobEvent, JobId, SiteId,
    SiteState,
};
use broker_store::{Change, CommitError, Write};
use jiff::{SignedDuration, Timestamp};

use crate::agents::{Step, attempt_entry};
use crate::jobs::{release_hold, state_entry};
use crate::loops::lost::Lost;
use crate::{Broker, Result};

const AT_ONCE: u32 = 500;

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
            lost += self.lose(&Lost::whole(site)).await?;
        }
        for part in self.lost_systems(&silent, now) {
            lost += self.lose(&part).await?;
        }
        Ok(lost)
    }

    /// Systems for which nobody has taken work for longer than the lost timer, at sites that are heard. Looked
    /// at once in a while, since an agent may say so for days.
    fn lost_systems(&self, silent: &HashSet<SiteId>, now: Timestamp) -> Vec<Lost> {
        if !self.inner.judged.is_systems_turn(now) {
            return Vec::new();
        }
        let forsaken = self.forsaken_until(now);
        let states = self.board().states().into_iter();
        let heard = states.filter(|state| !silent.contains(&state.site));
        let part = |state: SiteState| {
            let site = state.site;
            let systems = state.systems.into_iter();
            let shut = systems.filter(move |it| it.open_at < forsaken);
            shut.map(move |it| Lost::part(&site, it, forsaken))
        };
        heard.flat_map(part).collect()
    }

    /// Whether the site was silent for longer than the lost timer, as far as this broker could hear.
    pub(crate) fn is_lost(&self, state: &SiteState, now: Timestamp) -> bool {
        state.observed_at < self.forsaken_until(now)
    }

    /// Whether no agent has had this attempt for longer than the lost timer, as far as this broker
    /// could hear: who could look it up is gone, or is not asked because it has another scheduler.
    pub(crate) fn is_without_agent(&self, attempt: &Attempt, now: Timestamp) -> bool {
        attempt.lease_until < self.forsaken_until(now)
    }

    /// What was not heard of since is as good as lost; nothing is while this broker has not listened for
    /// long enough itself.
    pub(crate) fn forsaken_until(&self, now: Timestamp) -> Timestamp {
        let after = SignedDuration::try_from(self.inner.limits.site_lost_after)
            .unwrap_or(SignedDuration::MAX);
        if now.duration_since(self.inner.hearing.since()) <= after {
            return Timestamp::UNIX_EPOCH;
        }
        now.saturating_sub(after).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    async fn lose(&self, lost: &Lost) -> Result<u32> {
        let mut moved = self.lose_placed(lost).await?;
        let judged = self.inner.judged.of(&lost.site);
        let mut after = None;
        loop {
            let store = &self.inner.store;
            let open = store.open_attempts(&lost.site, after, AT_ONCE).await?;
            let Some(newest) = open.last() else {
                return Ok(moved);
            };
            after = Some(newest.id);
            moved += self.lose_attempts(lost, open, &judged).await?;
        }
    }

    async fn lose_placed(&self, lost: &Lost) -> Result<u32> {
        let (mut moved, mut after) = (0, None);
        loop {
            let store = &self.inner.store;
            let placed = store.placed_jobs(&lost.site, after, AT_ONCE).await?;
            let Some(newest) = placed.last() else {
                return Ok(moved);
            };
            after = Some(newest.id);
            for job in placed {
                if job.state.partition().is_some_and(|at| lost.covers(at)) {
                    moved += u32::from(self.withdraw(job, &lost.words).await?);
                }
            }
        }
    }

    async fn lose_attempts(
        &self,
        lost_at: &Lost,
        open: Vec<Attempt>,
        judged: &HashSet<AttemptId>,
    ) -> Result<u32> {
        let now = self.inner.clock.now();
        // Whoever still renews the lease is not silent, whatever became of the site's snapshots.
        let is_to_be_judged = |it: &Attempt| {
            it.lease_until <= now
                && !judged.contains(&it.id)
                && is_under_way(it)
                && lost_at.covers(&it.partition)
                && (lost_at.is_silent || it.state == AttemptState::Leased)
        };
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
                lost += u32::from(self.lose_attempt(job, attempt, &lost_at.words).await?);
            }
        }
        Ok(lost)
    }

    async fn lose_attempt(&self, job: Job, attempt: Attempt, words: &str) -> Result<bool> {
        if job.attempt != Some(attempt.id) || job.state.is_final() {
            return Ok(false);
        }
        let may_move = job.spec.placement.restartable && job.cancel_requested_at.is_none();
        let lost = if attempt.state == AttemptState::Leased {
            // It must be announced before it is sent, and the announcement would now be refused.
            let mut step = Step::new(self, job, attempt);
            step.take_back(words);
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
