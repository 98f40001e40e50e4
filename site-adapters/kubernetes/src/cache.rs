//! What the watches of one namespace have told: every Job and pod of ours, reduced to its facts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    turn: AtomicUsize,
}

/// All that is known at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a>(&'a Inner);

impl<'a> Known<'a> {
    pub(crate) fn job(self, name: &str) -> Option<View<'a>> {
        let job = self.0.jobs.get(name)?;
        let pods = self.0.pods.get(&job.uid).map_or(&[][..], Vec::as_slice);
        Some(View { job, pods })
    }
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

    /// What came of a change of ours is known before a watch tells it: what that tells late is passed over.
    pub(crate) fn put_job(&self, job: JobFacts) {
        let mut inner = self.lock();
        let known = inner.jobs.get(&job.name);
        if !known.is_some_and(|known| is_newer(known, &job)) {
            inner.jobs.insert(job.name.clone(), job);
        }
    }

    /// A Job that was changed here, if the watches have it already.
    pub(crate) fn changed_job(&self, job: &JobFacts) {
        let is_known = self.lock().jobs.contains_key(&job.name);
        if is_known {
            self.put_job(job.clone());
        }
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
        self.among(|known| known.job(name).map(look))
    }

    /// Looks at several Jobs at one moment.
    pub(crate) fn among<T>(&self, look: impl FnOnce(Known<'_>) -> T) -> T {
        look(Known(&self.lock()))
    }

    /// Where to go on with what is too much for one tick.
    pub(crate) fn turn(&self, step: usize) -> usize {
        self.turn.fetch_add(step, Ordering::Relaxed)
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

/// Of two states of one Job. Versions are numbers that grow
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>).
fn is_newer(known: &JobFacts, than: &JobFacts) -> bool {
    let number = |job: &JobFacts| job.version.parse::<u64>().ok();
    let pair = number(known).zip(number(than));
    known.uid == than.uid && pair.is_some_and(|(own, other)| own > other)
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
        if let Some(known) = pods.iter_mut().find(|known| known.name == pod.name) {
            *known = pod;
            return;
        }
        pods.push(pod);
        pods.sort_by_key(|pod| (pod.index, pod.created_at));
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
