//! Two watches per namespace, on our Jobs and on their pods: what the state of all jobs costs in a tick
//! is nothing, however many there are.
//!
//! A watch begins with a list in pages and goes on from its version. It ends silently when the server's
//! time for it is over and is resumed from the last version that an event or a bookmark told; a version
//! that the server no longer has (410, inside the stream or as its status) begins with a list again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{List, ListableResource};
use kube::core::{Status, WatchEvent};
use serde::de::DeserializeOwned;
use site_adapter::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;

use crate::answer::{Asked, is_about_credentials, lost};
use crate::cache::{Cache, Feed};
use crate::calls::{jobs, pods};
use crate::client::{Transport, get};
use crate::record::{JobFacts, PodFacts};

const OPERATION: &str = "watch";
/// What the server is asked to end a watch after.
const SERVER_SECONDS: u32 = 290;
/// Bookmarks come about every minute: a stream without a word for longer is dead, whatever TCP says.
const SILENCE: Duration = Duration::from_secs(100);
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Namespaces without a job to look after are watched no longer than this.
const IDLE: Duration = Duration::from_mins(15);

/// The watched namespaces.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    namespaces: Mutex<HashMap<String, Watched>>,
}

#[derive(Debug)]
struct Watched {
    cache: Arc<Cache>,
    used: Instant,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Watches {
    /// The cache of a namespace, which is watched from now on.
    pub(crate) fn of(&self, transport: &Arc<Transport>, namespace: &str) -> Arc<Cache> {
        let mut all = self
            .namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        all.retain(|name, watched| name == namespace || now - watched.used < IDLE);
        let watched = all
            .entry(namespace.to_owned())
            .or_insert_with(|| start(transport, namespace));
        watched.used = now;
        Arc::clone(&watched.cache)
    }

    pub(crate) fn all(&self) -> Vec<(String, Arc<Cache>)> {
        let all = self
            .namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let each = all.iter();
        each.map(|(name, watched)| (name.clone(), Arc::clone(&watched.cache)))
            .collect()
    }

    /// Only if it is watched already.
    pub(crate) fn known(&self, namespace: &str) -> Option<Arc<Cache>> {
        let all = self
            .namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.get(namespace).map(|watched| Arc::clone(&watched.cache))
    }
}

fn start(transport: &Arc<Transport>, namespace: &str) -> Watched {
    let cache = Arc::new(Cache::default());
    let watcher = |feed, path: String| Watcher {
        transport: Arc::downgrade(transport),
        cache: Arc::clone(&cache),
        feed,
        path,
    };
    let of_jobs = watcher(Feed::Jobs, jobs::collection(namespace));
    let of_pods = watcher(Feed::Pods, pods::collection(namespace));
    Watched {
        used: Instant::now(),
        tasks: [
            tokio::spawn(of_jobs.run::<Job>()),
            tokio::spawn(of_pods.run::<Pod>()),
        ],
        cache,
    }
}

/// An object that is watched, and what is kept of it.
trait Kept: ListableResource + DeserializeOwned + Clone + Send + 'static {
    type Facts: Send;
    fn facts(&self) -> Option<Self::Facts>;
    fn meta(&self) -> &ObjectMeta;
    fn replace(cache: &Cache, all: Vec<Self::Facts>);
    fn put(cache: &Cache, facts: Self::Facts);
    fn gone(cache: &Cache, facts: Self::Facts);
}

impl Kept for Job {
    type Facts = JobFacts;
    fn facts(&self) -> Option<JobFacts> {
        JobFacts::of(self)
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn replace(cache: &Cache, all: Vec<JobFacts>) {
        cache.replace_jobs(all);
    }
    fn put(cache: &Cache, facts: JobFacts) {
        cache.put_job(facts);
    }
    fn gone(cache: &Cache, facts: JobFacts) {
        cache.drop_job(&facts);
    }
}

impl Kept for Pod {
    type Facts = PodFacts;
    fn facts(&self) -> Option<PodFacts> {
        PodFacts::of(self)
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn replace(cache: &Cache, all: Vec<PodFacts>) {
        cache.replace_pods(all);
    }
    fn put(cache: &Cache, facts: PodFacts) {
        cache.put_pod(facts);
    }
    fn gone(cache: &Cache, facts: PodFacts) {
        cache.pod_gone(facts);
    }
}

/// How a stream of events ended.
#[derive(Debug)]
enum End {
    /// By itself: resume.
    Silent,
    /// The version is of no use: list.
    Expired,
}

struct Watcher {
    /// Not kept alive by its own watches.
    transport: Weak<Transport>,
    cache: Arc<Cache>,
    feed: Feed,
    path: String,
}

impl Watcher {
    async fn run<K: Kept>(self) {
        let mut version = None;
        let mut pause = SHORTEST_PAUSE;
        while let Some(transport) = self.transport.upgrade() {
            let begun = Instant::now();
            match self.round::<K>(&transport, &mut version).await {
                Ok(End::Silent) => pause = SHORTEST_PAUSE,
                Ok(End::Expired) => {
                    version = None;
                    // A server that expires each version at once must not be listed all the time.
                    let lasted = begun.elapsed() > LONGEST_PAUSE;
                    pause = if lasted { SHORTEST_PAUSE } else { pause * 2 }.min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::warn!(%error, path = self.path, "a watch broke; it is resumed");
                    self.cache.trouble(self.feed, &error);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            drop(transport);
            // A server that ends each watch at once must not be asked without a pause.
            if begun.elapsed() < pause {
                tokio::time::sleep(jittered(pause)).await;
            }
        }
    }

    /// One list if need be, and one watch from there to its end.
    async fn round<K: Kept>(
        &self,
        transport: &Transport,
        version: &mut Option<String>,
    ) -> Result<End> {
        let from = match version {
            Some(known) => known,
            None => version.insert(self.list::<K>(transport).await?),
        };
        self.events::<K>(transport, from).await
    }

    async fn list<K: Kept>(&self, transport: &Transport) -> Result<String> {
        let mut all = Vec::new();
        let version = transport
            .list::<List<K>>(OPERATION, &self.path, jobs::OURS, |item| match item {
                Some(item) => all.extend(item.facts()),
                None => all.clear(),
            })
            .await?;
        K::replace(&self.cache, all);
        Ok(version)
    }

    async fn events<K: Kept>(&self, transport: &Transport, version: &mut String) -> Result<End> {
        let path = format!(
            "{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={SERVER_SECONDS}\
             &resourceVersion={version}&{}",
            self.path,
            jobs::OURS
        );
        let client = transport.client().await?;
        let begun = client.request_events::<K>(get(OPERATION, &path)?.http);
        let stream = match tokio::time::timeout(transport.timeout(), begun).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if needs_list(&error) => return Ok(End::Expired),
            Ok(Err(error)) => {
                if is_about_credentials(&error) {
                    transport.doubt();
                }
                return Err(why(error));
            }
            Err(_) => return Err(silent()),
        };
        self.cache.contact(self.feed);
        let mut stream = std::pin::pin!(stream);
        loop {
            let next = tokio::time::timeout(SILENCE, stream.try_next()).await;
            let event = match next {
                Err(_) => return Err(silent()),
                Ok(Err(error)) if needs_list(&error) => return Ok(End::Expired),
                Ok(Err(error)) => return Err(why(error)),
                Ok(Ok(None)) => return Ok(End::Silent),
                Ok(Ok(Some(event))) => event,
            };
            if let Some(end) = self.take::<K>(event, version)? {
                return Ok(end);
            }
            self.cache.contact(self.feed);
        }
    }

    fn take<K: Kept>(&self, event: WatchEvent<K>, version: &mut String) -> Result<Option<End>> {
        let (object, is_gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            // So arrives what no longer fits the selector, too.
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                version.clone_from(&bookmark.metadata.resource_version);
                return Ok(None);
            }
            WatchEvent::Error(status) if is_no_version(&status) => return Ok(Some(End::Expired)),
            WatchEvent::Error(status) => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    OPERATION,
                    status.message,
                ));
            }
        };
        if let Some(new) = &object.meta().resource_version {
            version.clone_from(new);
        }
        match object.facts() {
            Some(facts) if is_gone => K::gone(&self.cache, facts),
            Some(facts) => K::put(&self.cache, facts),
            None => {}
        }
        Ok(None)
    }
}

/// For the fuzzer: takes in the lines of a stream and hands out what is known then.
pub(crate) fn lines(bytes: &[u8], look: impl FnMut(crate::states::View<'_>)) {
    let watcher = Watcher {
        transport: Weak::new(),
        cache: Arc::default(),
        feed: Feed::Jobs,
        path: String::new(),
    };
    let mut version = String::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(event) = serde_json::from_slice::<WatchEvent<Job>>(line) {
            let _ = watcher.take(event, &mut version);
        }
        if let Ok(event) = serde_json::from_slice::<WatchEvent<Pod>>(line) {
            let _ = watcher.take(event, &mut version);
        }
    }
    watcher.cache.each(look);
}

/// What resuming from the same version would only meet again.
fn needs_list(error: &kube::Error) -> bool {
    match error {
        // An event that cannot be read comes again; a list has the object as it is by then. The kube crate
        // tells of one as of a `Status` in which nothing is set.
        kube::Error::Api(status) => status.code == 0 || is_no_version(status),
        kube::Error::SerdeError(_) | kube::Error::LinesCodecMaxLineLengthExceeded => true,
        _ => false,
    }
}

/// The server has nothing of that version: any more (410), or yet, and after a restore of its etcd never
/// (504, `ResourceVersionTooLarge`).
fn is_no_version(status: &Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 410 || causes.any(|cause| cause.reason == "ResourceVersionTooLarge")
}

fn why(error: kube::Error) -> Error {
    let kind = match &error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => ErrorKind::Unauthorized,
        kube::Error::Api(_) => ErrorKind::Unavailable,
        _ => return lost(OPERATION, Asked::Read, error),
    };
    let words = match &error {
        kube::Error::Api(status) => status.message.clone(),
        _ => String::new(),
    };
    Error::new(kind, OPERATION, words).caused_by(error)
}

fn silent() -> Error {
    let words = "the API server sent nothing for a while, not even a bookmark";
    Error::new(ErrorKind::Unavailable, OPERATION, words)
}

/// Between half and the whole of it, so that the watches of many namespaces do not come back at once.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(0_u8) % 512;
    pause / 2 + pause * u32::try_from(random).unwrap_or(0) / 1024
}

#[cfg(test)]
mod tests;
