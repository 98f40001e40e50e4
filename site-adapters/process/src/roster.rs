//! The jobs that have not ended, in memory: who waits, who holds what. Pure; the folders are the
//! truth it is made from.

mod queueing;
mod snapshot;
mod starting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::arrays::Array;
use crate::capacity::{Capacity, Grant};
use crate::config::{Config, PartitionConfig};
use crate::folder::Meta;

#[derive(Debug)]
pub(crate) struct Roster {
    partitions: Vec<Partition>,
    /// By what their folders are called: markers, and of tasks the index too.
    jobs: HashMap<String, Live>,
    arrays: HashMap<String, Array>,
    /// Jobs that wait for others, with their partitions; in no queue.
    held: BTreeMap<String, (Arc<Meta>, Option<usize>)>,
    running: u32,
    max_running: u32,
}

#[derive(Debug)]
struct Partition {
    config: PartitionConfig,
    capacity: Capacity,
    /// First come, first served: a job that does not fit holds up those behind it, as otherwise
    /// small ones would hold it up for ever.
    queue: BTreeSet<(Timestamp, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) meta: Arc<Meta>,
    /// None when the settings no longer have it: the job is told of and stopped, and never started.
    partition: Option<usize>,
    pub(crate) state: LiveState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LiveState {
    Queued,
    Started {
        grant: Grant,
        /// Known once the wrapper has written its claim.
        started_at: Option<Timestamp>,
        /// A child of this process, whose end is told; others have to be looked at.
        child: bool,
    },
}

/// A job to start now; what it needs is taken.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) meta: Arc<Meta>,
    pub(crate) partition: usize,
    pub(crate) grant: Grant,
}

impl Roster {
    pub(crate) fn new(config: &Config) -> Self {
        let mut first_gpu = 0;
        let mut partitions = Vec::new();
        for partition in &config.partitions {
            partitions.push(Partition {
                config: partition.clone(),
                capacity: Capacity::new(partition, first_gpu),
                queue: BTreeSet::new(),
            });
            first_gpu += partition.nodes.saturating_mul(partition.gpus_per_node);
        }
        Self {
            partitions,
            jobs: HashMap::new(),
            arrays: HashMap::new(),
            held: BTreeMap::new(),
            running: 0,
            max_running: config.max_running,
        }
    }

    pub(crate) fn job(&self, marker: &str) -> Option<&Live> {
        self.jobs.get(marker)
    }

    /// Whether it is here, in whatever shape.
    pub(crate) fn has(&self, marker: &str) -> bool {
        self.jobs.contains_key(marker)
            || self.arrays.contains_key(marker)
            || self.held.contains_key(marker)
    }

    /// Of a job that has started: since when, if that is known.
    #[expect(
        clippy::option_option,
        reason = "not started, and started at a time that is not known"
    )]
    pub(crate) fn started_at(&self, key: &str) -> Option<Option<Timestamp>> {
        match self.jobs.get(key)?.state {
            LiveState::Started { started_at, .. } => Some(started_at),
            LiveState::Queued => None,
        }
    }

    pub(crate) fn is_child(&self, key: &str) -> bool {
        let state = self.jobs.get(key).map(|live| &live.state);
        matches!(state, Some(LiveState::Started { child: true, .. }))
    }

    pub(crate) fn enqueue(&mut self, meta: &Arc<Meta>, partition: Option<usize>) {
        if self.jobs.contains_key(&meta.marker) || self.arrays.contains_key(&meta.marker) {
            return;
        }
        if meta.work.array.is_some() {
            self.adopt_array(Array::new(meta), partition);
            return;
        }
        if let Some(partition) = self.partition(partition) {
            partition
                .queue
                .insert((meta.submitted_at, meta.marker.clone()));
        }
        let live = Live {
            meta: Arc::clone(meta),
            partition,
            state: LiveState::Queued,
        };
        self.jobs.insert(meta.marker.clone(), live);
    }

    fn partition(&mut self, position: Option<usize>) -> Option<&mut Partition> {
        self.partitions.get_mut(position?)
    }

    /// Forgets a job and frees what it holds.
    pub(crate) fn remove(&mut self, marker: &str) -> Option<Live> {
        let live = self.jobs.remove(marker)?;
        let partition = live.partition.and_then(|it| self.partitions.get_mut(it));
        match (&live.state, partition) {
            (LiveState::Queued, Some(partition)) => {
                partition
                    .queue
                    .remove(&(live.meta.submitted_at, marker.to_owned()));
            }
            (LiveState::Started { grant, .. }, partition) => {
                self.running = self.running.saturating_sub(1);
                if let Some(partition) = partition {
                    partition.capacity.release(grant);
                }
            }
            (LiveState::Queued, None) => {}
        }
        Some(live)
    }

    /// Started jobs that are no children of this process.
    pub(crate) fn adopted(&self) -> Vec<String> {
        self.jobs
            .iter()
            .filter(|(_, live)| matches!(live.state, LiveState::Started { child: false, .. }))
            .map(|(marker, _)| marker.clone())
            .collect()
    }
}
