use std::collections::BTreeMap;

use broker_model::{GpuCount, PartitionId, PartitionSnapshot};
use site_adapter::{Result, SiteSnapshot, readiness_of};

use crate::adapter::PbsAdapter;
use crate::calls::backlog::{self, NodeSeconds};
use crate::calls::nodes::{self, Node};
use crate::calls::queues::{self, Queue};
use crate::config::PartitionSettings;

/// What the commands told.
pub(crate) struct Seen<'a> {
    pub(crate) nodes: Vec<&'a Node>,
    pub(crate) queues: BTreeMap<String, Queue>,
    pub(crate) backlog: Option<NodeSeconds>,
}

impl PbsAdapter {
    /// Three commands: nodes, queues, and a table of who waits. Never the attributes of all jobs, which
    /// one user's variable breaks and which cost the server seconds.
    pub(crate) async fn take_snapshot(&self) -> Result<SiteSnapshot> {
        let nodes = nodes::parse(&self.ask(nodes::command()).await?)?;
        let queues = queues::parse(&self.ask(queues::command()).await?)?;
        let seen = Seen {
            nodes: nodes.iter().collect(),
            queues,
            backlog: self.backlog().await?,
        };
        Ok(self.offers(&seen))
    }

    pub(crate) fn offers(&self, seen: &Seen<'_>) -> SiteSnapshot {
        let ids = self.settings.partitions.iter();
        let offered: Vec<PartitionSnapshot> = ids
            .map(|(id, partition)| self.offer(id, partition, seen))
            .collect();
        let (readiness, reason) = readiness_of(&offered);
        SiteSnapshot {
            observed_at: self.clock.now(),
            readiness,
            reason,
            partitions: offered,
        }
    }

    /// Unknown where the reader is shown only some of the jobs; a snapshot without it is still one.
    async fn backlog(&self) -> Result<Option<NodeSeconds>> {
        if !self.server().await?.shows_all {
            return Ok(None);
        }
        let told = self.ask(backlog::command()).await;
        Ok(told
            .and_then(|ran| backlog::parse(&ran))
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "what still has to run is not told");
                None
            }))
    }

    fn offer(
        &self,
        id: &PartitionId,
        partition: &PartitionSettings,
        seen: &Seen<'_>,
    ) -> PartitionSnapshot {
        let name = partition.queue.as_deref().unwrap_or(id.as_str());
        let queue = seen.queues.get(name).cloned().unwrap_or_default();
        let reason = closed(seen.queues.get(name));
        let nodes = seen.nodes.iter().copied();
        let own: Vec<&Node> = nodes
            .filter(|node| belongs(node, name, partition))
            .collect();
        let hosts = hosts(&own);
        let count = |fits: fn(&Node) -> bool| {
            let fitting = hosts
                .iter()
                .filter(|host| host.iter().all(|vnode| fits(vnode)));
            u32::try_from(fitting.count()).unwrap_or(u32::MAX)
        };
        let gpu = self.settings.gpus_of(partition);
        let sum = |of: &dyn Fn(&Node) -> u32| {
            own.iter().map(|node| of(node)).fold(0, u32::saturating_add)
        };
        let (total, free) = (sum(&|node| node.total(gpu)), sum(&|node| node.free(gpu)));
        let kind = partition.gpu_kind.as_deref().unwrap_or(gpu).to_owned();
        PartitionSnapshot {
            system: self.settings.system.clone(),
            partition: id.clone(),
            accepting: reason.is_none(),
            nodes_total: count(|_| true),
            nodes_free: count(Node::is_idle),
            nodes_drained: count(Node::is_out),
            gpus_total: total,
            gpus_free: free,
            gpus: if total > 0 {
                vec![GpuCount { kind, total, free }]
            } else {
                Vec::new()
            },
            max_walltime_seconds: queue.max_walltime_seconds,
            max_nodes_per_job: queue.max_nodes_per_job,
            jobs_running: queue.running,
            jobs_queued: queue.waiting,
            backlog_node_seconds: seen
                .backlog
                .as_ref()
                .map(|sums| backlog::of_queue(sums, name)),
            reason,
            expected_start: self.forecasts.of(name, self.clock.now()),
        }
    }
}

/// Vnodes by their host.
fn hosts<'a>(vnodes: &[&'a Node]) -> Vec<Vec<&'a Node>> {
    let mut named = BTreeMap::<&str, Vec<&Node>>::new();
    let mut hosts = Vec::new();
    for vnode in vnodes {
        match vnode.host() {
            Some(host) => named.entry(host).or_default().push(*vnode),
            None => hosts.push(vec![*vnode]),
        }
    }
    hosts.extend(named.into_values());
    hosts
}

fn belongs(node: &Node, queue: &str, partition: &PartitionSettings) -> bool {
    let is_others = node.queue().is_some_and(|own| own != queue);
    !is_others
        && partition
            .nodes_with
            .iter()
            .all(|(name, value)| node.has(name, value))
}

fn closed(queue: Option<&Queue>) -> Option<String> {
    match queue {
        None => Some("there is no such queue".to_owned()),
        Some(queue) if !queue.enabled => Some("the queue is not enabled".to_owned()),
        Some(queue) if !queue.started => Some("the queue is not started".to_owned()),
        Some(_) => None,
    }
}
