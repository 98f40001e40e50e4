//! The jobs that have not ended, in memory: who waits, who holds what. Pure; the folders are the
//! truth it is made from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use broker_model::PartitionSnapshot;
use jiff::Timestamp;

use crate::capacity::{Ask, Capacity, Grant};
use crate::config::{Config, PartitionConfig};
use crate::folder::Meta;

#[derive(Debug)]
pub(crate) struct Roster {
    partitions: Vec<Partition>,
    jobs: HashMap<String, Live>,
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
            running: 0,
            max_running: config.max_running,
        }
    }

    pub(crate) fn job(&self, marker: &str) -> Option<&Live> {
        self.jobs.get(marker)
    }

    pub(crate) fn enqueue(&mut self, meta: &Arc<Meta>, partition: Option<usize>) {
        if self.jobs.contains_key(&meta.marker) {
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

    /// Takes over a job that was started by an adapter before this one.
    pub(crate) fn adopt(
        &mut self,
        meta: &Arc<Meta>,
        partition: Option<usize>,
        grant: Grant,
        started_at: Timestamp,
    ) {
        if let Some(partition) = self.partition(partition) {
            partition.capacity.retake(&grant);
        }
        self.running += 1;
        let live = Live {
            meta: Arc::clone(meta),
            partition,
            state: LiveState::Started {
                grant,
                started_at: Some(started_at),
                child: false,
            },
        };
        self.jobs.insert(meta.marker.clone(), live);
    }

    fn partition(&mut self, position: Option<usize>) -> Option<&mut Partition> {
        self.partitions.get_mut(position?)
    }

    /// The next job that may start, of the partitions that are not stuck; it counts as started from
    /// here on.
    pub(crate) fn next(&mut self, stuck: &BTreeSet<usize>) -> Option<Start> {
        if self.running >= self.max_running {
            return None;
        }
        let open = self.partitions.iter_mut().enumerate();
        for (position, partition) in open.filter(|(position, _)| !stuck.contains(position)) {
            let Some((_, marker)) = partition.queue.first() else {
                continue;
            };
            let Some(live) = self.jobs.get_mut(marker) else {
                partition.queue.pop_first();
                continue;
            };
            let ask = Ask::of(&live.meta.work, &partition.config);
            let Some(grant) = partition.capacity.take(ask) else {
                continue;
            };
            partition.queue.pop_first();
            live.state = LiveState::Started {
                grant: grant.clone(),
                started_at: None,
                child: true,
            };
            self.running += 1;
            let meta = Arc::clone(&live.meta);
            return Some(Start {
                meta,
                partition: position,
                grant,
            });
        }
        None
    }

    /// The start did not come about: back to the head of the queue.
    pub(crate) fn put_back(&mut self, start: &Start) {
        if let Some(live) = self.remove(&start.meta.marker) {
            self.enqueue(&start.meta, live.partition);
        }
    }

    pub(crate) fn set_started_at(&mut self, marker: &str, time: Timestamp) {
        if let Some(LiveState::Started { started_at, .. }) =
            self.jobs.get_mut(marker).map(|live| &mut live.state)
        {
            *started_at = Some(time);
        }
    }

    /// Its end was told and could not be written down: it has to be looked at again.
    pub(crate) fn look_again(&mut self, marker: &str) {
        if let Some(LiveState::Started { child, .. }) =
            self.jobs.get_mut(marker).map(|live| &mut live.state)
        {
            *child = false;
        }
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

    pub(crate) fn snapshot(&self, now: Timestamp) -> Vec<PartitionSnapshot> {
        let mut partitions: Vec<_> = self.partitions.iter().map(Partition::snapshot).collect();
        for live in self.jobs.values() {
            let partition = live.partition.and_then(|it| partitions.get_mut(it));
            if let Some(partition) = partition {
                live.count(partition, now);
            }
        }
        partitions
    }
}

impl Partition {
    fn snapshot(&self) -> PartitionSnapshot {
        let config = &self.config;
        PartitionSnapshot {
            reason: None,
            expected_start: None,
            gpus: Vec::new(),
            nodes_drained: 0,
            system: config.system.clone(),
            partition: config.partition.clone(),
            accepting: true,
            nodes_total: config.nodes,
            nodes_free: self.capacity.nodes_free(),
            gpus_total: config.nodes.saturating_mul(config.gpus_per_node),
            gpus_free: self.capacity.gpus_free(),
            max_walltime_seconds: config.max_walltime.map(broker_model::Walltime::seconds),
            max_nodes_per_job: config.max_nodes_per_job,
            jobs_running: 0,
            jobs_queued: 0,
            backlog_node_seconds: Some(0),
        }
    }
}

impl Live {
    pub(crate) const fn has_partition(&self) -> bool {
        self.partition.is_some()
    }

    fn count(&self, partition: &mut PartitionSnapshot, now: Timestamp) {
        let resources = &self.meta.work.resources;
        let mut left = i64::from(resources.walltime.seconds());
        match &self.state {
            LiveState::Queued => partition.jobs_queued += 1,
            LiveState::Started { started_at, .. } => {
                partition.jobs_running += 1;
                left -= started_at.map_or(0, |start| now.duration_since(start).as_secs());
            }
        }
        let seconds = u64::try_from(left).unwrap_or(0) * u64::from(resources.nodes);
        partition.backlog_node_seconds =
            Some(partition.backlog_node_seconds.unwrap_or(0) + seconds);
    }
}
