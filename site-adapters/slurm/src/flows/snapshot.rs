use broker_model::{PartitionId, PartitionSnapshot, SiteReadiness};
use site_adapter::{Result, SiteSnapshot};

use crate::adapter::SlurmAdapter;
use crate::calls::diag::Counters;
use crate::calls::nodes::{self, Node};
use crate::calls::partitions::{self, Partition};

impl SlurmAdapter {
    /// Three calls: nodes, partitions, counters.
    ///
    /// The counts of jobs are the whole cluster's in every partition: slurmctld tells them per
    /// partition only with all of `jobs`.
    pub(crate) async fn take_snapshot(&self) -> Result<SiteSnapshot> {
        let (nodes, partitions, counters) = tokio::join!(
            self.ask(|_| nodes::request()),
            self.ask(|_| partitions::request()),
            self.counters(),
        );
        let nodes = nodes::parse(&nodes?)?;
        let known = partitions::parse(&partitions?)?;
        let counters = counters?;
        let offered: Vec<PartitionSnapshot> = self
            .settings
            .partitions
            .keys()
            .map(|id| self.offer(id, &known, &nodes, counters))
            .collect();
        let (readiness, reason) = readiness(&offered);
        Ok(SiteSnapshot {
            observed_at: self.clock.now(),
            readiness,
            reason,
            partitions: offered,
        })
    }

    fn offer(
        &self,
        id: &PartitionId,
        known: &[Partition],
        nodes: &[Node],
        counters: Counters,
    ) -> PartitionSnapshot {
        let name = self.settings.partition(id).map(|(name, _)| name);
        let slurm = known.iter().find(|p| Some(&p.name) == name.as_ref());
        let own = |node: &&Node| {
            name.as_ref()
                .is_some_and(|name| node.partitions.contains(name))
        };
        let count = |fits: fn(&Node) -> bool| {
            let fitting = nodes.iter().filter(own).filter(|node| fits(node));
            u32::try_from(fitting.count()).unwrap_or(u32::MAX)
        };
        let sum = |gpus: fn(&Node) -> u32| {
            let all = nodes.iter().filter(own).map(gpus);
            all.fold(0, u32::saturating_add)
        };
        PartitionSnapshot {
            reason: None,
            expected_start: None,
            gpus: Vec::new(),
            nodes_drained: 0,
            system: self.settings.system.clone(),
            partition: id.clone(),
            accepting: slurm.is_some_and(|p| p.accepting),
            nodes_total: count(|_| true),
            nodes_free: count(|node| node.idle),
            gpus_total: sum(|node| node.gpus),
            gpus_free: sum(free_gpus),
            max_walltime_seconds: slurm.and_then(|p| p.max_walltime_seconds),
            max_nodes_per_job: slurm.and_then(|p| p.max_nodes_per_job),
            jobs_running: counters.jobs_running,
            jobs_queued: counters.jobs_pending,
            backlog_node_seconds: None,
        }
    }
}

const fn free_gpus(node: &Node) -> u32 {
    if node.usable {
        node.gpus.saturating_sub(node.gpus_used)
    } else {
        0
    }
}

fn readiness(offered: &[PartitionSnapshot]) -> (SiteReadiness, Option<String>) {
    let closed: Vec<&str> = offered
        .iter()
        .filter(|partition| !partition.accepting)
        .map(|partition| partition.partition.as_str())
        .collect();
    let reason = || Some(format!("takes no jobs: {}", closed.join(", ")));
    match (closed.len(), offered.len()) {
        (0, _) => (SiteReadiness::Ready, None),
        (closed, all) if closed == all => (SiteReadiness::Draining, reason()),
        _ => (SiteReadiness::Limited, reason()),
    }
}
