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

/// How long a job that does not change is taken for the same one.
const SURE_FOR: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Fact>>);

#[derive(Clone, Debug)]
struct Fact {
    /// slurmctld's word when it was told, where there is one.
    phase: Option<Phase>,
    activity: Activity,
    told_at: Timestamp,
    /// When slurmctld itself was last asked for this one job.
    looked_at: Timestamp,
}

/// Whose turn it is, the most pressing first.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// New, changed, over or gone.
    pub(crate) changed: Vec<usize>,
    /// As before, and not looked at for a while; the longest ago first.
    pub(crate) old: Vec<usize>,
}

impl Known {
    /// Sorts jobs, each with its phase in slurmctld if it is there, by what there is to ask.
    pub(crate) fn turns(
        &self,
        jobs: &[&RemoteRef],
        phase: impl Fn(&RemoteRef) -> Option<Phase>,
        now: Timestamp,
    ) -> Turns {
        let known = self.lock();
        let mut turns = Turns::default();
        let mut old = Vec::new();
        for (position, job) in jobs.iter().enumerate() {
            let now_in = phase(job);
            let same = |fact: &&Fact| fact.phase == now_in && is_steady(now_in);
            match known.get(&job.marker).filter(same) {
                None => turns.changed.push(position),
                Some(fact) if now.duration_since(fact.told_at) > SURE_FOR => {
                    old.push((fact.told_at, position));
                }
                Some(_) => {}
            }
        }
        old.sort_unstable();
        turns.old = old.into_iter().map(|(_, position)| position).collect();
        turns
    }

    /// The jobs that were told longest ago, new ones first: all there is to go by where slurmctld
    /// tells no states.
    pub(crate) fn longest_untold(&self, jobs: &[&RemoteRef], most: usize) -> Vec<usize> {
        self.first_by(jobs, most, |fact| fact.told_at)
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
        let mut order: Vec<(Timestamp, usize)> = jobs
            .iter()
            .enumerate()
            .map(|(position, job)| (at(job), position))
            .collect();
        order.sort_unstable();
        order.truncate(most);
        order.into_iter().map(|(_, position)| position).collect()
    }

    /// What a job was last told as; waiting, for all one knows, if it never was.
    pub(crate) fn activity(&self, job: &RemoteRef) -> Activity {
        let known = self.lock();
        let activity = known.get(&job.marker).map(|fact| fact.activity.clone());
        activity.unwrap_or(Activity::Queued {
            reason: None,
            expected_start: None,
        })
    }

    /// Takes in what a job was told as; `seen` says that slurmctld was asked for it alone.
    pub(crate) fn told(
        &self,
        job: &RemoteRef,
        phase: Option<Phase>,
        activity: Activity,
        (now, seen): (Timestamp, bool),
    ) {
        let mut known = self.lock();
        let before = known.get(&job.marker).map(|fact| fact.looked_at);
        let looked_at = if seen {
            now
        } else {
            before.unwrap_or(Timestamp::MIN)
        };
        let fact = Fact {
            phase,
            activity,
            told_at: now,
            looked_at,
        };
        known.insert(job.marker.clone(), fact);
    }

    pub(crate) fn gone(&self, job: &RemoteRef) {
        self.lock().remove(&job.marker);
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

/// Waits or runs, as slurmctld says: the others have something to tell.
const fn is_steady(phase: Option<Phase>) -> bool {
    matches!(phase, Some(Phase::Waiting | Phase::Running))
}

#[cfg(test)]
mod tests {
    use broker_model::RemoteId;
    use site_adapter::LocalAccount;

    use super::*;

    fn job(n: u32) -> RemoteRef {
        RemoteRef {
            marker: format!("m{n}"),
            remote_id: RemoteId(n.to_string()),
            submitted_at: at(0),
            account: LocalAccount {
                user: "alice".to_owned(),
                account: None,
                qos: None,
            },
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    const RUNS: Option<Phase> = Some(Phase::Running);

    fn running() -> Activity {
        Activity::Running { started_at: at(1) }
    }

    #[test]
    fn a_job_is_asked_about_when_it_changes_and_once_a_minute() {
        let (known, jobs) = (Known::default(), [job(1), job(2)]);
        let jobs: Vec<&RemoteRef> = jobs.iter().collect();
        assert_eq!(known.turns(&jobs, |_| RUNS, at(0)).changed, [0, 1]);
        for job in &jobs {
            known.told(job, RUNS, running(), (at(0), false));
        }
        let quiet = known.turns(&jobs, |_| RUNS, at(59));
        assert_eq!((quiet.changed.len(), quiet.old.len()), (0, 0));
        assert_eq!(known.turns(&jobs, |_| RUNS, at(61)).old, [0, 1]);
        let gone = known.turns(&jobs, |job| RUNS.filter(|_| job.marker == "m1"), at(5));
        assert_eq!(gone.changed, [1]);
    }

    #[test]
    fn every_job_has_its_turn() {
        let (known, jobs) = (Known::default(), (0..30).map(job).collect::<Vec<_>>());
        let jobs: Vec<&RemoteRef> = jobs.iter().collect();
        let mut asked = HashSet::new();
        for tick in 0..4 {
            for position in known.longest_unseen(&jobs, 8) {
                known.told(jobs[position], None, running(), (at(tick), true));
                asked.insert(position);
            }
        }
        assert_eq!(asked.len(), 30);
    }

    #[test]
    fn what_is_no_longer_polled_is_forgotten() {
        let known = Known::default();
        for n in 0..1000 {
            known.told(&job(n), RUNS, running(), (at(0), false));
        }
        known.keep_only(&[&job(7)]);
        assert_eq!(known.lock().len(), 1);
        assert_eq!(known.activity(&job(7)), running());
    }
}
