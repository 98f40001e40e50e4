//! Which logs are being read, and how far.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::AsyncBufRead;
use tokio::sync::Mutex as AsyncMutex;

use crate::record::PodFacts;
use crate::states::View;

/// Stands where bytes are missing.
const ROTATED: &[u8] =
    b"\n[alcyone: the site began a new log file; what was written before is missing]\n";

type Shared = Arc<AsyncMutex<Follower>>;
pub(super) type Stream = Pin<Box<dyn AsyncBufRead + Send>>;

/// A pod as its log is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(super) name: String,
    pub(super) is_over: bool,
}

/// The logs that are being read.
#[derive(Debug)]
pub(crate) struct Followers {
    most: usize,
    all: Mutex<HashMap<String, (Instant, Shared)>>,
}

#[derive(Default)]
pub(super) struct Follower {
    /// Bytes read of all pods.
    pub(super) read: u64,
    /// Pods that were read to their end.
    done: Vec<String>,
    /// The pod that is being read, and how far.
    current: Option<(String, u64)>,
    pub(super) stream: Option<(Stream, bool)>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl Followers {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            all: Mutex::default(),
        }
    }

    pub(super) fn of(&self, marker: &str) -> Shared {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= self.most && !all.contains_key(marker) {
            let oldest = all.iter().min_by_key(|(_, (used, _))| *used);
            let oldest = oldest.map(|(marker, _)| marker.clone());
            oldest.and_then(|marker| all.remove(&marker));
        }
        let slot = all.entry(marker.to_owned());
        let (used, follower) = slot.or_insert_with(|| (Instant::now(), Arc::default()));
        *used = Instant::now();
        Arc::clone(follower)
    }
}

impl Follower {
    /// The pod to read on: the one that was begun, or the first that is not done. A later one waits
    /// until those before it are over.
    pub(super) fn next<'a>(&self, sources: &'a [Source]) -> Option<&'a Source> {
        if let Some((name, _)) = &self.current
            && let Some(begun) = sources.iter().find(|source| source.name == *name)
        {
            return Some(begun);
        }
        sources
            .iter()
            .find(|source| !self.done.contains(&source.name))
    }

    /// How many bytes of this pod's log were read before.
    pub(super) fn begin(&mut self, source: &Source) -> u64 {
        match &self.current {
            Some((name, read)) if *name == source.name => *read,
            _ => {
                self.current = Some((source.name.clone(), 0));
                0
            }
        }
    }

    pub(super) fn read_of(&self, source: &Source) -> u64 {
        let own = self.current.as_ref();
        own.filter(|(name, _)| *name == source.name)
            .map_or(0, |(_, read)| *read)
    }

    /// The place that is asked for is in a file that is gone: it is given to the beginning of what there is.
    pub(super) fn begin_anew(
        &mut self,
        source: &Source,
        offset: u64,
        limit: usize,
    ) -> &'static [u8] {
        let mark = ROTATED.get(..limit).unwrap_or(ROTATED);
        self.read = offset + mark.len() as u64;
        self.stream = None;
        self.current = Some((source.name.clone(), 0));
        mark
    }

    pub(super) fn took(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.read += bytes;
        if let Some((_, read)) = &mut self.current {
            *read += bytes;
        }
    }

    pub(super) fn finish(&mut self) {
        self.stream = None;
        if let Some((name, _)) = self.current.take() {
            self.done.push(name);
        }
    }
}

/// Up to the first index that has no pod yet while the Job goes on.
pub(crate) fn sources(view: View<'_>) -> Vec<Source> {
    let over = view.job.is_over();
    let mut expected = 0;
    let mut all = Vec::new();
    for pod in view.pods {
        if pod.index > expected && !over {
            break;
        }
        expected = pod.index.saturating_add(1);
        all.push(source(pod));
    }
    all
}

fn source(pod: &PodFacts) -> Source {
    Source {
        name: pod.name.clone(),
        is_over: pod.gone || pod.is_over(),
    }
}
