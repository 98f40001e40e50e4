//! What the adapter was last told of the jobs it is polled for.
//!
//! Only a cache: without it every job is new and asked about. With it a tick asks about the jobs that
//! changed, and about a few others whose turn it is: an id may have been given to another job, and
//! the accounting keeps a lost job RUNNING for ever.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, RemoteRef};

use crate::states::Phase;
use crate::whole::Whole;

/// How long a job that does not change is taken for the same one.
const SURE_FOR: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Fact>>);

#[derive(Debug)]
struct Fact {
    /// `None` while every question about it has failed.
    told: Option<Told>,
    /// When slurmctld itself was last asked for this one job, whether it answered or not.
    looked_at: Timestamp,
    /// The ids that the tasks of an array have of their own.
    own: Vec<u64>,
    /// It was submitted to wait for other jobs.
    waited: bool,
}

#[derive(Debug)]
struct Told {
    /// slurmctld's word when it was told, where there is one.
    sight: Sight,
    whole: Whole,
    at: Timestamp,
}

/// What is seen of a job in slurmctld's list of states: if it is as before, the job is too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Of an array: running, as long as any task is there.
    pub(crate) phase: Option<Phase>,
    /// A digest of the states of an array's tasks.
    pub(crate) tasks: u64,
}

impl Sight {
    /// Waits or runs, as slurmctld says: the others have something to tell.
    const fn is_steady(self) -> bool {
        matches!(self.phase, Some(Phase::Waiting | Phase::Running))
    }
}

impl Default for Fact {
    fn default() -> Self {
        Self {
            told: None,
            looked_at: Timestamp::MIN,
            own: Vec::new(),
            waited: false,
        }
    }
}

/// Whose turn it is, the most pressing first.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// New, changed, over or gone; those that were told or asked for longest ago first.
    pub(crate) changed: Vec<usize>,
    /// As before, and not looked at for a while; the longest ago first.
    pub(crate) old: Vec<usize>,
}

impl Known {
    /// Sorts jobs, each with what slurmctld's list has of it and of its tasks' own ids, by what there
    /// is to ask.
    pub(crate) fn turns(
        &self,
        jobs: &[&RemoteRef],
        sight: impl Fn(&RemoteRef, &[u64]) -> Sight,
        now: Timestamp,
    ) -> Turns {
        let known = self.lock();
        let (mut changed, mut old) = (Vec::new(), Vec::new());
        for (position, job) in jobs.iter().enumerate() {
            let fact = known.get(&job.marker);
            let seen = sight(job, fact.map_or(&[], |fact| fact.own.as_slice()));
            let same = |told: &&Told| told.sight == seen && seen.is_steady();
            let told = fact.and_then(|fact| fact.told.as_ref());
            match told.filter(same) {
                None => {
                    let at = fact.map_or(Timestamp::MIN, Fact::last_heard_of);
                    changed.push((at, position));
                }
                Some(told) if now.duration_since(told.at) > SURE_FOR => {
                    old.push((told.at, position));
                }
                Some(_) => {}
            }
        }
        Turns {
            changed: in_order(changed),
            old: in_order(old),
        }
    }

    /// The jobs that were told or asked for longest ago, new ones first: all there is to go by where
    /// slurmctld tells no states.
    pub(crate) fn longest_untold(&self, jobs: &[&RemoteRef], most: usize) -> Vec<usize> {
        self.first_by(jobs, most, Fact::last_heard_of)
    }

    /// The jobs of which slurmctld itself was not asked for a while, the longest ago first: those
    /// that wait or, unless `waiting`, all that are not over.
    pub(crate) fn due(&self, jobs: &[&RemoteRef], waiting: bool, now: Timestamp) -> Vec<usize> {
        let known = self.lock();
        let mut due = Vec::new();
        for (position, job) in jobs.iter().enumerate() {
            let Some(fact) = known.get(&job.marker) else {
                continue;
            };
            let is_meant = fact
                .told
                .as_ref()
                .is_some_and(|told| match told.whole.activity {
                    Activity::Queued { .. } => true,
                    Activity::Running { .. } => !waiting,
                    Activity::Ended { .. } | Activity::Unknown => false,
                });
            if is_meant && now.duration_since(fact.looked_at) >= SURE_FOR {
                due.push((fact.looked_at, position));
            }
        }
        in_order(due)
    }

    /// The jobs that slurmctld itself was asked for longest ago.
    pub(crate) fn longest_unseen(&self, jobs: &[&RemoteRef], most: usize) -> Vec<usize> {
        self.first_by(jobs, most, |fact| fact.looked_at)
    }

    fn first_by(
        &self,
        jobs: &[&RemoteRef],
        most: usize,
        time: impl Fn(&Fact) -> Timestamp,
    ) -> Vec<usize> {
        let known = self.lock();
        let at = |job: &RemoteRef| known.get(&job.marker).map_or(Timestamp::MIN, &time);
        let times = jobs.iter().enumerate();
        let mut order = in_order(times.map(|(n, job)| (at(job), n)).collect());
        order.truncate(most);
        order
    }

    /// What a job was last told as, if it ever was.
    pub(crate) fn whole(&self, job: &RemoteRef) -> Option<Whole> {
        let known = self.lock();
        let told = known.get(&job.marker)?.told.as_ref()?;
        Some(told.whole.clone())
    }

    /// The ids that an array's tasks have of their own, as far as they are known.
    pub(crate) fn own_ids(&self, job: &RemoteRef) -> Vec<u64> {
        let known = self.lock();
        known
            .get(&job.marker)
            .map_or(Vec::new(), |fact| fact.own.clone())
    }

    pub(crate) fn has_own_ids(&self, job: &RemoteRef, mut own: Vec<u64>) {
        own.sort_unstable();
        own.dedup();
        self.lock().entry(job.marker.clone()).or_default().own = own;
    }

    /// Takes in what a job was told as; `seen` says that slurmctld was asked for it alone.
    pub(crate) fn told(
        &self,
        marker: &str,
        sight: Sight,
        whole: Whole,
        (now, seen): (Timestamp, bool),
    ) {
        let mut known = self.lock();
        let fact = known.entry(marker.to_owned()).or_default();
        fact.told = Some(Told {
            sight,
            whole,
            at: now,
        });
        if seen {
            fact.looked_at = now;
        }
    }

    /// slurmctld was asked for the job alone and did not tell: others come first the next time.
    pub(crate) fn asked_in_vain(&self, job: &RemoteRef, now: Timestamp) {
        let mut known = self.lock();
        known.entry(job.marker.clone()).or_default().looked_at = now;
    }

    pub(crate) fn looked_at(&self, job: &RemoteRef) -> Timestamp {
        let known = self.lock();
        known
            .get(&job.marker)
            .map_or(Timestamp::MIN, |fact| fact.looked_at)
    }

    pub(crate) fn is_to_wait(&self, marker: &str) {
        self.lock().entry(marker.to_owned()).or_default().waited = true;
    }

    pub(crate) fn was_to_wait(&self, marker: &str) -> bool {
        self.lock().get(marker).is_some_and(|fact| fact.waited)
    }

    pub(crate) fn gone(&self, marker: &str) {
        self.lock().remove(marker);
    }

    /// Forgets those that are no longer polled.
    pub(crate) fn keep_only(&self, jobs: &[&RemoteRef]) {
        let mut known = self.lock();
        if known.len() > 2 * jobs.len() + 100 {
            let polled: HashSet<&str> = jobs.iter().map(|job| job.marker.as_str()).collect();
            known.retain(|marker, _| polled.contains(marker.as_str()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Fact>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fact {
    fn last_heard_of(&self) -> Timestamp {
        let told_at = self.told.as_ref().map_or(Timestamp::MIN, |told| told.at);
        told_at.max(self.looked_at)
    }
}

fn in_order(mut times: Vec<(Timestamp, usize)>) -> Vec<usize> {
    times.sort_unstable();
    times.into_iter().map(|(_, position)| position).collect()
}

#[cfg(test)]
mod tests;
