use std::collections::HashMap;

use broker_model::{GpuCount, PartitionId, PartitionSnapshot};
use k8s_openapi::List;
use k8s_openapi::api::core::v1::{Node as Recorded, Pod};
use site_adapter::{Activity, Result, SiteSnapshot, readiness_of};

use crate::adapter::KubernetesAdapter;
use crate::calls::nodes::{self, Node};
use crate::calls::quotas::Room;
use crate::config::PartitionSettings;
use crate::flows::guests::Guests;
use crate::flows::queues::Queues;
use crate::states::View;

/// Nodes out of service that are named.
const MOST_NAMED: usize = 5;

/// Our own jobs in one partition.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    running: u32,
    queued: u32,
    backlog_node_seconds: u64,
}

impl KubernetesAdapter {
    /// Nodes, and the pods that are not over: what is free is not in the API, it is what nodes can give
    /// less what pods ask for.
    pub(crate) async fn take_snapshot(&self) -> Result<SiteSnapshot> {
        let (nodes, guests, queues) = tokio::join!(self.nodes(), self.guests(), self.all_queues());
        let (nodes, guests) = (nodes?, guests?);
        let own = self.own_jobs();
        let offered: Vec<PartitionSnapshot> = self
            .settings
            .partitions
            .iter()
            .map(|(id, partition)| {
                let own = own.get(id.as_str()).copied().unwrap_or_default();
                self.offer((id, partition), &nodes, &guests, own, &queues)
            })
            .collect();
        let (readiness, closed) = readiness_of(&offered);
        let mut words: Vec<String> = closed.into_iter().collect();
        words.extend(self.drained(&offered, &nodes));
        words.extend(guests.only_own.then(|| {
            "only pods in the agent's own namespaces count as taken: it may not list all pods"
                .to_owned()
        }));
        let unread = queues.unread.as_ref();
        words.extend(unread.map(|why| format!("Kueue's quotas do not count: {why}")));
        let reason = (!words.is_empty()).then(|| words.join("; "));
        Ok(SiteSnapshot {
            observed_at: self.clock.now(),
            readiness,
            reason,
            partitions: offered,
        })
    }

    pub(crate) async fn nodes(&self) -> Result<Vec<Node>> {
        let mut all = Vec::new();
        self.transport
            .list::<List<Recorded>>(nodes::LIST, nodes::PATH, "", |item| match item {
                Some(node) => all.extend(Node::of(&node)),
                None => all.clear(),
            })
            .await?;
        Ok(all)
    }

    /// From the watches of the namespaces in use; costs no call.
    fn own_jobs(&self) -> HashMap<String, Own> {
        let mut all: HashMap<String, Own> = HashMap::new();
        for (_, cache) in self.watches.all() {
            cache.each(|view| {
                let Some(partition) = &view.job.partition else {
                    return;
                };
                let own = all.entry(partition.clone()).or_default();
                own.add(view);
            });
        }
        all
    }

    fn offer(
        &self,
        (id, partition): (&PartitionId, &PartitionSettings),
        nodes: &[Node],
        guests: &Guests,
        own: Own,
        queues: &Queues,
    ) -> PartitionSnapshot {
        let nodes: Vec<&Node> = nodes.iter().filter(|node| node.is_in(partition)).collect();
        let out: Vec<Option<String>> = nodes.iter().map(|n| n.out_of_service(partition)).collect();
        let usable = || {
            nodes
                .iter()
                .zip(&out)
                .filter(|(_, out)| out.is_none())
                .map(|(n, _)| *n)
        };
        let drained = out.iter().flatten().count();
        let room = queues.room(partition);
        let gpus = partition.gpu_resource.as_ref().map(|kind| {
            let free = usable().map(|node| guests.free(node, partition, kind));
            counted(kind, nodes.iter().map(|node| node.amount(kind)), free, room)
        });
        let resource = partition.gpu_resource.as_deref().unwrap_or("cpu");
        let idle = usable().filter(|node| guests.is_idle(node, partition));
        let idle = within(idle.map(|node| node.amount(resource)).collect(), room);
        let (closed, waiting) = queues.state(partition);
        let reason = closed.or_else(|| out_of_service(&nodes, &out));
        let elsewhere = count(guests.waiting_for(partition.gpu_resource.as_deref()));
        PartitionSnapshot {
            system: self.settings.system.clone(),
            partition: id.clone(),
            accepting: reason.is_none(),
            nodes_total: count(nodes.len()),
            nodes_free: count(idle),
            nodes_drained: count(drained),
            gpus_total: gpus.as_ref().map_or(0, |gpus| gpus.total),
            gpus_free: gpus.as_ref().map_or(0, |gpus| gpus.free),
            gpus: gpus.into_iter().collect(),
            max_walltime_seconds: partition.max_walltime_hours.map(|h| h.saturating_mul(3600)),
            max_nodes_per_job: partition.max_nodes_per_job,
            jobs_running: own.running,
            jobs_queued: own.queued.max(elsewhere).max(waiting),
            backlog_node_seconds: Some(own.backlog_node_seconds),
            reason,
            // Kubernetes forecasts nothing.
            expected_start: None,
        }
    }
}

impl Own {
    fn add(&mut self, view: View<'_>) {
        match view.activity(None) {
            Activity::Running { .. } => self.running = self.running.saturating_add(1),
            Activity::Queued { .. } => self.queued = self.queued.saturating_add(1),
            Activity::Ended { .. } | Activity::Unknown => return,
        }
        let nodes = u64::from(view.job.completions);
        let seconds = nodes.saturating_mul(view.job.walltime_seconds);
        self.backlog_node_seconds = self.backlog_node_seconds.saturating_add(seconds);
    }
}

impl KubernetesAdapter {
    /// Nodes out of service in partitions that take jobs, with the reason of each.
    fn drained(&self, offered: &[PartitionSnapshot], nodes: &[Node]) -> Vec<String> {
        let open = offered
            .iter()
            .filter(|p| p.accepting && p.nodes_drained > 0);
        let each = open.filter_map(|told| {
            let partition = self.settings.partitions.get(&told.partition)?;
            let own = nodes.iter().filter(|node| node.is_in(partition));
            let out = own.filter_map(|node| Some((node, node.out_of_service(partition)?)));
            let words: Vec<String> = out
                .take(MOST_NAMED)
                .map(|(node, why)| format!("{} {why}", node.name))
                .collect();
            Some(format!(
                "{}: {} of {} nodes take no jobs: {}",
                told.partition,
                told.nodes_drained,
                told.nodes_total,
                words.join(", ")
            ))
        });
        each.collect()
    }
}

/// For the fuzzer: what every partition offers by these objects.
pub(crate) fn offers(
    adapter: &KubernetesAdapter,
    nodes: &[Recorded],
    pods: &[Pod],
    views: &[View<'_>],
) {
    let nodes: Vec<Node> = nodes.iter().filter_map(Node::of).collect();
    let (guests, queues) = (Guests::of(pods), Queues::default());
    let mut own = Own::default();
    for view in views {
        own.add(*view);
    }
    let partitions = adapter.settings.partitions.iter();
    let offered: Vec<PartitionSnapshot> = partitions
        .map(|(id, partition)| adapter.offer((id, partition), &nodes, &guests, own, &queues))
        .collect();
    let _ = (readiness_of(&offered), adapter.drained(&offered, &nodes));
}

/// Why no node is left to take a job.
fn out_of_service(nodes: &[&Node], out: &[Option<String>]) -> Option<String> {
    if nodes.is_empty() {
        return Some("no node has its labels and accelerators".to_owned());
    }
    if out.iter().any(Option::is_none) {
        return None;
    }
    let each = nodes.iter().zip(out).take(MOST_NAMED);
    let words: Vec<String> = each
        .map(|(node, why)| format!("{} {}", node.name, why.as_deref().unwrap_or_default()))
        .collect();
    Some(format!("no node takes jobs: {}", words.join(", ")))
}

/// What the nodes have, as far as a quota lets jobs have it.
fn counted(
    kind: &str,
    total: impl Iterator<Item = i128>,
    free: impl Iterator<Item = i128>,
    room: Option<Room>,
) -> GpuCount {
    let most = room.and_then(|room| room.most).map_or(u32::MAX, whole);
    let left = room.map_or(u32::MAX, |room| whole(room.free));
    GpuCount {
        kind: kind.to_owned(),
        total: sum(total).min(most),
        free: sum(free).min(left),
    }
}

/// How many of the idle nodes a job could have whole, by their amounts and the quota: the small ones first.
fn within(mut idle: Vec<i128>, room: Option<Room>) -> usize {
    let Some(room) = room else { return idle.len() };
    idle.sort_unstable();
    let mut left = room.free;
    let fits = idle.iter().take_while(|amount| {
        left -= **amount;
        left >= 0
    });
    fits.count()
}

fn whole(milli: i128) -> u32 {
    u32::try_from(milli.max(0) / 1000).unwrap_or(u32::MAX)
}

fn sum(amounts: impl Iterator<Item = i128>) -> u32 {
    let whole = amounts.map(|amount| amount.max(0) / 1000);
    u32::try_from(whole.sum::<i128>()).unwrap_or(u32::MAX)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
