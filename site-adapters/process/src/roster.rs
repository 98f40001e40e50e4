//! The jobs that have not ended, in memory: who waits, who holds what. Pure; the folders are the
//! truth it is made from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use broker_model::{GpuCount, PartitionSnapshot};
use jiff::Timestamp;

use crate::arrays::Array;
use crate::capacity::{Ask, Capacity, Grant};
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

    /// Takes in a job that waits for others first.
    pub(crate) fn hold(&mut self, meta: &Arc<Meta>, partition: Option<usize>) {
        self.held
            .insert(meta.marker.clone(), (Arc::clone(meta), partition));
    }

    pub(crate) fn held(&self) -> Vec<Arc<Meta>> {
        self.held
            .values()
            .map(|(meta, _)| Arc::clone(meta))
            .collect()
    }

    pub(crate) fn held_one(&self, marker: &str) -> Option<&Arc<Meta>> {
        self.held.get(marker).map(|(meta, _)| meta)
    }

    /// Into the queue; false if it is held no more.
    pub(crate) fn let_go(&mut self, marker: &str) -> bool {
        let Some((meta, partition)) = self.held.remove(marker) else {
            return false;
        };
        self.enqueue(&meta, partition);
        true
    }

    pub(crate) fn let_fall(&mut self, marker: &str) {
        self.held.remove(marker);
    }

    pub(crate) fn array(&self, marker: &str) -> Option<&Array> {
        self.arrays.get(marker)
    }

    /// Takes over an array whose tasks an earlier adapter started.
    pub(crate) fn adopt_array(&mut self, array: Array, partition: Option<usize>) {
        let (marker, at) = (array.meta.marker.clone(), array.meta.submitted_at);
        if let Some(partition) = self
            .partition(partition)
            .filter(|_| !array.waiting.is_empty())
        {
            partition.queue.insert((at, marker.clone()));
        }
        self.arrays.insert(marker, array);
    }

    pub(crate) fn remove_array(&mut self, marker: &str) {
        if let Some(array) = self.arrays.remove(marker) {
            self.leave_queues(&array.meta);
        }
    }

    fn leave_queues(&mut self, meta: &Meta) {
        for partition in &mut self.partitions {
            partition
                .queue
                .remove(&(meta.submitted_at, meta.marker.clone()));
        }
    }

    /// Those that wait will not run; returns those that do.
    pub(crate) fn stop_waiting_tasks(&mut self, marker: &str) -> Vec<u32> {
        let Some(array) = self.arrays.get_mut(marker) else {
            return Vec::new();
        };
        let waiting = array.waiting.drain(..).count();
        array.failed += u32::try_from(waiting).unwrap_or(u32::MAX);
        let running = array.running.iter().copied().collect();
        let meta = Arc::clone(&array.meta);
        self.leave_queues(&meta);
        running
    }

    /// Forgets a task that is over.
    pub(crate) fn end_task(&mut self, meta: &Meta, is_good: bool) {
        self.remove(&meta.key());
        if let (Some(index), Some(array)) = (meta.task, self.arrays.get_mut(&meta.marker)) {
            array.ends(index, is_good);
        }
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
        self.jobs.insert(meta.key(), live);
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
        for position in (0..self.partitions.len()).filter(|it| !stuck.contains(it)) {
            if let Some(start) = self.next_in(position) {
                return Some(start);
            }
        }
        None
    }

    /// An array that runs as many tasks as it may holds up nobody.
    fn next_in(&mut self, position: usize) -> Option<Start> {
        let partition = self.partitions.get_mut(position)?;
        let (arrays, jobs) = (&self.arrays, &self.jobs);
        let can = |marker: &String| match arrays.get(marker) {
            Some(array) => !array.is_full() && !array.waiting.is_empty(),
            None => jobs.contains_key(marker),
        };
        let place = partition
            .queue
            .iter()
            .find(|(_, marker)| can(marker))?
            .clone();
        let (meta, left) = match self.arrays.get_mut(&place.1) {
            Some(array) => {
                let mut task = Meta::clone(&array.meta);
                task.task = array.waiting.front().copied();
                (Arc::new(task), array.waiting.len() > 1)
            }
            None => (Arc::clone(&self.jobs.get(&place.1)?.meta), false),
        };
        let ask = Ask::of(&meta.work, &partition.config);
        let grant = partition.capacity.take(ask)?;
        if !left {
            partition.queue.remove(&place);
        }
        if let (Some(index), Some(array)) = (meta.task, self.arrays.get_mut(&meta.marker)) {
            array.begins(index, None);
        }
        let live = Live {
            meta: Arc::clone(&meta),
            partition: Some(position),
            state: LiveState::Started {
                grant: grant.clone(),
                started_at: None,
                child: true,
            },
        };
        self.jobs.insert(meta.key(), live);
        self.running += 1;
        Some(Start {
            meta,
            partition: position,
            grant,
        })
    }

    /// The start did not come about: back to the head of the queue.
    pub(crate) fn put_back(&mut self, start: &Start) {
        let meta = &start.meta;
        let Some(live) = self.remove(&meta.key()) else {
            return;
        };
        let Some(index) = meta.task else {
            self.enqueue(meta, live.partition);
            return;
        };
        if let Some(array) = self.arrays.get_mut(&meta.marker) {
            array.running.remove(&index);
            array.waiting.push_front(index);
        }
        if let Some(partition) = self.partition(live.partition) {
            partition
                .queue
                .insert((meta.submitted_at, meta.marker.clone()));
        }
    }

    pub(crate) fn set_started_at(&mut self, marker: &str, time: Timestamp) {
        if let Some(LiveState::Started { started_at, .. }) =
            self.jobs.get_mut(marker).map(|live| &mut live.state)
        {
            *started_at = Some(time);
        }
        let meta = self.jobs.get(marker).map(|live| Arc::clone(&live.meta));
        let array = meta.and_then(|meta| self.arrays.get_mut(&meta.marker));
        if let Some(array) = array {
            array.started_at = [array.started_at, Some(time)].into_iter().flatten().min();
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
        for (_, position) in self.held.values() {
            if let Some(partition) = position.and_then(|it| partitions.get_mut(it)) {
                partition.jobs_queued += 1;
            }
        }
        for (array, partition) in self.queued_arrays() {
            if let Some(partition) = partitions.get_mut(partition) {
                let waiting = u32::try_from(array.waiting.len()).unwrap_or(u32::MAX);
                partition.jobs_queued = partition.jobs_queued.saturating_add(waiting);
            }
        }
        partitions
    }

    fn queued_arrays(&self) -> Vec<(&Array, usize)> {
        let mut all = Vec::new();
        for (position, partition) in self.partitions.iter().enumerate() {
            let queued = partition.queue.iter();
            all.extend(queued.filter_map(|(_, marker)| Some((self.arrays.get(marker)?, position))));
        }
        all
    }
}

impl Partition {
    /// Declared without a kind.
    fn gpus(&self) -> Vec<GpuCount> {
        let total = self.config.nodes.saturating_mul(self.config.gpus_per_node);
        let gpus = GpuCount {
            kind: "gpu".to_owned(),
            total,
            free: self.capacity.gpus_free(),
        };
        Some(gpus).filter(|_| total > 0).into_iter().collect()
    }

    fn snapshot(&self) -> PartitionSnapshot {
        let config = &self.config;
        PartitionSnapshot {
            reason: None,
            expected_start: None,
            gpus: self.gpus(),
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
        let seconds = u64::try_from(left).unwrap_or(0);
        let seconds = seconds.saturating_mul(resources.nodes.into());
        let before = partition.backlog_node_seconds.unwrap_or(0);
        partition.backlog_node_seconds = Some(before.saturating_add(seconds));
    }
}
