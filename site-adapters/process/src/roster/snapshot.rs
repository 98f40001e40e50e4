//! How full the partitions are.

use broker_model::{GpuCount, PartitionSnapshot};
use jiff::Timestamp;

use super::{Live, LiveState, Partition, Roster};
use crate::arrays::Array;

impl Roster {
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
