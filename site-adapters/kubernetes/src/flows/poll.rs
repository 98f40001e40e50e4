use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use site_adapter::{Activity, Error, ErrorKind, RemoteJob, RemoteRef, Result};

use crate::adapter::KubernetesAdapter;
use crate::cache::Cache;
use crate::flows::hold;
use crate::flows::tend::{Chore, chore};
use crate::names;

/// How long the first lists of a namespace may take before its jobs are told as unknown.
const PATIENCE: Duration = Duration::from_secs(20);
/// Jobs that the watches do not have yet, or not any more, or not with the pods that tell how they ended,
/// are asked for one by one: so many a tick.
const MOST_QUESTIONS: usize = 32;
/// Jobs that need something done (let go, ended, noted): so many a tick.
const MOST_CHORES: usize = 32;
/// Of these, so many go to whoever's turn it is, however urgent what others need.
const FAIR_SHARE: usize = MOST_CHORES / 2;

/// What the watches say of one job.
enum Told {
    Here(Box<RemoteJob>, Option<Chore>),
    /// The name is another Job's.
    NotOurs,
    Missing,
}

impl KubernetesAdapter {
    /// Costs the API server nothing but the two watches of each namespace.
    ///
    /// A job that the watches do not know is looked up; so a job that was just submitted is not taken for
    /// lost. What the cluster has no dependencies and no memory for is done here too: see `tend`.
    pub(crate) async fn poll_jobs(&self, asked: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        let mut namespaces: BTreeMap<String, Vec<&RemoteRef>> = BTreeMap::new();
        for job in asked {
            let namespace = self.namespace(&job.account)?;
            namespaces.entry(namespace).or_default().push(job);
        }
        let each = namespaces.iter();
        let answers = join_all(each.map(|(namespace, jobs)| self.poll_in(namespace, jobs))).await;
        let mut all = Vec::with_capacity(asked.len());
        let mut failed: Vec<Error> = Vec::new();
        for (answer, jobs) in answers.into_iter().zip(namespaces.values()) {
            match answer {
                Ok(told) => all.extend(told),
                Err(error) => {
                    all.extend(jobs.iter().map(|job| unknown(job)));
                    failed.push(error);
                }
            }
        }
        // One namespace whose rights are missing does not hide the others.
        match failed.pop() {
            Some(error) if failed.len() + 1 == namespaces.len() => Err(error),
            _ => Ok(all),
        }
    }

    async fn poll_in(&self, namespace: &str, asked: &[&RemoteRef]) -> Result<Vec<RemoteJob>> {
        let cache = self.watches.of(&self.transport, namespace);
        cache.ready(PATIENCE).await?;
        let mut told = Vec::new();
        let (mut missing, mut chores) = (Vec::new(), Vec::new());
        for job in asked {
            match self.tell(&cache, job)? {
                Told::Here(remote, todo) => {
                    if let Some(todo) = todo {
                        chores.push((told.len(), *job, todo));
                    }
                    told.push(*remote);
                }
                Told::NotOurs => {}
                Told::Missing => missing.push(*job),
            }
        }
        let chores = pick(chores, cache.turn(FAIR_SHARE), |(_, _, todo)| {
            todo.urgency()
        });
        let done = chores
            .iter()
            .map(|(_, job, chore)| self.tend(namespace, job, chore));
        let changed = join_all(done).await;
        for ((position, _, _), new) in chores.iter().zip(changed) {
            if let (Some(slot), Some(new)) = (told.get_mut(*position), new) {
                slot.activity = new;
            }
        }
        told.extend(self.ask_singly(namespace, missing).await);
        self.sweep(&cache).await;
        Ok(told)
    }

    fn tell(&self, cache: &Cache, job: &RemoteRef) -> Result<Told> {
        let name = names::job_name(&job.marker)?;
        let (now, launch) = (self.clock.now(), self.settings.launch_timeout_seconds);
        Ok(cache.among(|known| {
            let Some(view) = known.job(&name) else {
                return Told::Missing;
            };
            if !view.job.is(job) {
                return Told::NotOurs;
            }
            if !view.is_whole() {
                return Told::Missing;
            }
            let mut remote = view.remote(view.activity(None));
            let mut todo = chore(view, &remote.activity, now, launch);
            if todo == Some(Chore::Held)
                && let Some(waits) = hold::still_waits(known, view.job)
            {
                (remote.activity, todo) = (waits, None);
            }
            Told::Here(Box::new(remote), todo)
        }))
    }

    async fn ask_singly(&self, namespace: &str, missing: Vec<&RemoteRef>) -> Vec<RemoteJob> {
        let (asked, left) = missing.split_at(missing.len().min(MOST_QUESTIONS));
        let answers = join_all(asked.iter().map(|job| self.ask_for(namespace, job))).await;
        let mut told: Vec<RemoteJob> = answers.into_iter().flatten().collect();
        told.extend(left.iter().map(|job| unknown(job)));
        told
    }

    async fn ask_for(&self, namespace: &str, job: &RemoteRef) -> Option<RemoteJob> {
        let name = names::job_name(&job.marker).ok()?;
        match self.look(namespace, &name, &job.marker).await {
            Ok(found) => found.filter(|found| {
                found.remote_id == job.remote_id && found.submitted_at == job.submitted_at
            }),
            Err(error) => {
                let quiet = matches!(error.kind, ErrorKind::Unavailable);
                tracing::debug!(%error, quiet, remote.id = %job.remote_id, "no word of a job");
                Some(unknown(job))
            }
        }
    }
}

fn unknown(job: &RemoteRef) -> RemoteJob {
    RemoteJob {
        marker: job.marker.clone(),
        remote_id: job.remote_id.clone(),
        submitted_at: job.submitted_at,
        activity: Activity::Unknown,
        tasks: None,
    }
}

/// The chores of one tick. What decides what a job becomes comes before what only words it, and what
/// fails at every try does not keep the rest from its turn.
fn pick<T>(mut all: Vec<T>, turn: usize, urgency: impl Fn(&T) -> u8) -> Vec<T> {
    if all.len() <= MOST_CHORES {
        return all;
    }
    let begin = turn % all.len();
    all.rotate_left(begin);
    let mut places: Vec<usize> = (0..all.len()).collect();
    // Stable: those that are next come first among equals.
    places.sort_by_key(|place| all.get(*place).map(&urgency));
    let mut chosen: BTreeSet<usize> = places.into_iter().take(FAIR_SHARE).collect();
    let others = (0..all.len()).filter(|place| !chosen.contains(place));
    let others: Vec<usize> = others.take(FAIR_SHARE).collect();
    chosen.extend(others);
    let each = all.into_iter().enumerate();
    each.filter(|(place, _)| chosen.contains(place))
        .map(|(_, chore)| chore)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred urgent ones that never get done, and ten of the least urgency.
    #[test]
    fn every_chore_gets_its_turn_whatever_fails_before_it() {
        let all: Vec<(usize, u8)> = (0..110).map(|n| (n, if n < 100 { 0 } else { 4 })).collect();
        let mut done = BTreeSet::new();
        for tick in 0..8 {
            let picked = pick(all.clone(), tick * FAIR_SHARE, |(_, urgency)| *urgency);
            assert_eq!(picked.len(), MOST_CHORES);
            done.extend(picked);
        }
        assert_eq!(done.len(), all.len());
    }

    #[test]
    fn what_is_urgent_is_in_every_tick() {
        let mut all: Vec<(usize, u8)> = (0..200).map(|n| (n, 4)).collect();
        all.push((200, 0));
        for tick in 0..20 {
            let picked = pick(all.clone(), tick * FAIR_SHARE, |(_, urgency)| *urgency);
            assert!(picked.contains(&(200, 0)), "{tick}");
        }
    }
}
