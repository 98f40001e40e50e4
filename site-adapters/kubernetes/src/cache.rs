//! What the watches of one namespace have told: every Job and pod of ours, reduced to its facts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use site_adapter::{Error, ErrorKind, Result};
use tokio::sync::Notify;

use crate::record::{JobFacts, PodFacts};
use crate::states::View;

/// A watch that breaks and comes back within this was no outage.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    Jobs,
    Pods,
}

#[derive(Debug, Default)]
pub(crate) struct Cache {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// By name.
    jobs: HashMap<String, JobFacts>,
    /// By the Job's uid; in the order of index and making.
    pods: HashMap<String, Vec<PodFacts>>,
    feeds: [State; 2],
}

#[derive(Debug, Default)]
struct State {
    synced: bool,
    trouble: Option<(Instant, ErrorKind, String)>,
}

impl Cache {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for both lists to be there, and tells of an outage that lasts.
    pub(crate) async fn ready(&self, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            let changed = self.changed.notified();
            let state = self.state();
            let left = deadline.saturating_duration_since(Instant::now());
            match state {
                Ok(true) => return Ok(()),
                Err(error) => return Err(error),
                Ok(false) if left.is_zero() => {
                    let words = "Jobs and pods are not listed yet";
                    return Err(Error::new(ErrorKind::Unavailable, "watch", words));
                }
                Ok(false) => {
                    let _ = tokio::time::timeout(left, changed).await;
                }
            }
        }
    }

    fn state(&self) -> Result<bool> {
        let inner = self.lock();
        for state in &inner.feeds {
            if let Some((since, kind, words)) = &state.trouble
                && (!state.synced || since.elapsed() > GRACE)
            {
                return Err(Error::new(*kind, "watch", words.clone()));
            }
        }
        Ok(inner.feeds.iter().all(|state| state.synced))
    }

    /// The API server answered this feed.
    pub(crate) fn contact(&self, feed: Feed) {
        let mut inner = self.lock();
        inner.feed(feed).trouble = None;
    }

    pub(crate) fn trouble(&self, feed: Feed, error: &Error) {
        let mut inner = self.lock();
        let state = inner.feed(feed);
        let since = state
            .trouble
            .take()
            .map_or_else(Instant::now, |(s, _, _)| s);
        state.trouble = Some((since, error.kind, error.to_string()));
        drop(inner);
        self.changed.notify_waiters();
    }

    pub(crate) fn replace_jobs(&self, jobs: Vec<JobFacts>) {
        let mut inner = self.lock();
        inner.jobs = jobs
            .into_iter()
            .map(|job| (job.name.clone(), job))
            .collect();
        inner.synced(Feed::Jobs);
        drop(inner);
        self.changed.notify_waiters();
    }

    pub(crate) fn put_job(&self, job: JobFacts) {
        self.lock().jobs.insert(job.name.clone(), job);
    }

    pub(crate) fn drop_job(&self, job: &JobFacts) {
        let mut inner = self.lock();
        inner.pods.remove(&job.uid);
        let same = inner
            .jobs
            .get(&job.name)
            .is_some_and(|known| known.uid == job.uid);
        if same {
            inner.jobs.remove(&job.name);
        }
    }

    /// A pod that is not in a new list is gone; what is known of it stays as long as its Job.
    pub(crate) fn replace_pods(&self, pods: Vec<PodFacts>) {
        let mut inner = self.lock();
        let mut known = std::mem::take(&mut inner.pods);
        for pod in known.values_mut().flatten() {
            pod.gone = true;
        }
        inner.pods = known;
        for pod in pods {
            inner.put_pod(pod);
        }
        let alive: Vec<String> = inner.jobs.values().map(|job| job.uid.clone()).collect();
        let alive: std::collections::HashSet<String> = alive.into_iter().collect();
        inner
            .pods
            .retain(|uid, pods| alive.contains(uid) || pods.iter().any(|pod| !pod.gone));
        inner.synced(Feed::Pods);
        drop(inner);
        self.changed.notify_waiters();
    }

    pub(crate) fn put_pod(&self, pod: PodFacts) {
        self.lock().put_pod(pod);
    }

    /// The API server's last word of a pod: its end is in it.
    pub(crate) fn pod_gone(&self, mut pod: PodFacts) {
        pod.gone = true;
        let mut inner = self.lock();
        // Of a Job that went before its pods nothing is kept.
        if inner.jobs.values().any(|job| job.uid == pod.job_uid) {
            inner.put_pod(pod);
        } else {
            inner.forget_pod(&pod);
        }
    }

    /// Looks at one Job and its pods.
    pub(crate) fn with<T>(&self, name: &str, look: impl FnOnce(View<'_>) -> T) -> Option<T> {
        let inner = self.lock();
        let job = inner.jobs.get(name)?;
        let pods = inner.pods.get(&job.uid).map_or(&[][..], Vec::as_slice);
        Some(look(View { job, pods }))
    }

    /// What is known of the pods of a Job that the API server no longer has.
    pub(crate) fn departed(&self, uid: &str) -> Vec<PodFacts> {
        let inner = self.lock();
        let pods = inner.pods.get(uid).map_or(&[][..], Vec::as_slice);
        pods.iter().filter(|pod| pod.gone).cloned().collect()
    }

    pub(crate) fn each(&self, mut look: impl FnMut(View<'_>)) {
        let inner = self.lock();
        for job in inner.jobs.values() {
            let pods = inner.pods.get(&job.uid).map_or(&[][..], Vec::as_slice);
            look(View { job, pods });
        }
    }
}

impl Inner {
    fn feed(&mut self, feed: Feed) -> &mut State {
        let [jobs, pods] = &mut self.feeds;
        match feed {
            Feed::Jobs => jobs,
            Feed::Pods => pods,
        }
    }

    fn synced(&mut self, feed: Feed) {
        *self.feed(feed) = State {
            synced: true,
            trouble: None,
        };
    }

    fn put_pod(&mut self, pod: PodFacts) {
        let pods = self.pods.entry(pod.job_uid.clone()).or_default();
        match pods.iter_mut().find(|known| known.name == pod.name) {
            Some(known) => *known = pod,
            None => {
                pods.push(pod);
                pods.sort_by(|a, b| (a.index, a.created_at).cmp(&(b.index, b.created_at)));
            }
        }
    }

    fn forget_pod(&mut self, pod: &PodFacts) {
        if let Some(pods) = self.pods.get_mut(&pod.job_uid) {
            pods.retain(|known| known.name != pod.name);
            if pods.is_empty() {
                self.pods.remove(&pod.job_uid);
            }
        }
    }
}
