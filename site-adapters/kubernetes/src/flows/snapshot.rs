use std::collections::HashMap;

use broker_model::{GpuCount, PartitionId, PartitionSnapshot, SiteReadiness};
use k8s_openapi::api::core::v1::{Node as Recorded, Pod};
use site_adapter::{Activity, ErrorKind, Result, SiteSnapshot};

use crate::adapter::KubernetesAdapter;
use crate::calls::kueue::Workload;
use crate::calls::nodes::{self, Node};
use crate::calls::pods::{self, Guest};
use crate::config::PartitionSettings;
use crate::states::View;

/// What the pods on one node take.
#[derive(Debug, Default)]
struct Taken {
    accelerators: HashMap<String, i128>,
    has_jobs: bool,
}

/// What is known of everybody's pods.
#[derive(Debug, Default)]
struct Guests {
    by_node: HashMap<String, Taken>,
    /// Accelerators that pods without a node wait for, one entry for each pod.
    waiting: Vec<Vec<String>>,
    /// The agent may only see the namespaces of its own jobs.
    only_own: bool,
}

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
        let (nodes, guests) = tokio::join!(self.nodes(), self.guests());
        let (nodes, guests) = (nodes?, guests?);
        let own = self.own_jobs();
        let queues = self.all_queues().await;
        let offered: Vec<PartitionSnapshot> = self
            .settings
            .partitions
            .iter()
            .map(|(id, partition)| {
                let own = own.get(id.as_str()).copied().unwrap_or_default();
                self.offer((id, partition), &nodes, &guests, own, &queues)
            })
            .collect();
        let (readiness, mut reason) = readiness(&offered);
        if guests.only_own && reason.is_none() {
            reason = Some(
                "only pods in the agent's own namespaces count as taken: it may not list all pods"
                    .to_owned(),
            );
        }
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
            .list::<Recorded>(nodes::LIST, nodes::PATH, "", |item| match item {
                Some(node) => all.extend(Node::of(&node)),
                None => all.clear(),
            })
            .await?;
        Ok(all)
    }

    async fn guests(&self) -> Result<Guests> {
        let mut guests = Guests::default();
        match self.guests_of(pods::EVERYBODYS, &mut guests).await {
            Err(error) if error.kind == ErrorKind::Unauthorized => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(guests),
        }
        let mut own = Guests {
            only_own: true,
            ..Guests::default()
        };
        for (namespace, _) in self.watches.all() {
            let mut some = Guests::default();
            let path = pods::collection(&namespace);
            self.guests_of(&path, &mut some).await?;
            own.absorb(some);
        }
        Ok(own)
    }

    async fn guests_of(&self, path: &str, guests: &mut Guests) -> Result<()> {
        self.transport
            .list::<Pod>(pods::LIST, path, pods::NOT_OVER, |item| match item {
                Some(pod) => guests.add(Guest::of(&pod)),
                None => *guests = Guests::default(),
            })
            .await
            .map(|_| ())
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

    /// The `LocalQueue`s of the namespaces in use; none where Kueue is not there or may not be asked.
    async fn all_queues(&self) -> Vec<Workload> {
        let has_queues = self.settings.partitions.values().any(|p| p.queue.is_some());
        let Ok(Some(version)) = (if has_queues {
            self.kueue_version().await
        } else {
            Ok(None)
        }) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (namespace, _) in self.watches.all() {
            match self.queues(&version, &namespace).await {
                Ok(queues) => all.extend(queues),
                Err(error) => tracing::debug!(%error, namespace, "local queues cannot be read"),
            }
        }
        all
    }

    fn offer(
        &self,
        (id, partition): (&PartitionId, &PartitionSettings),
        nodes: &[Node],
        guests: &Guests,
        own: Own,
        queues: &[Workload],
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
        let gpus = partition.gpu_resource.as_ref().map(|kind| GpuCount {
            kind: kind.clone(),
            total: sum(nodes.iter().map(|node| node.amount(kind))),
            free: sum(usable().map(|node| node.amount(kind) - guests.taken(&node.name, kind))),
        });
        let idle = usable()
            .filter(|node| guests.is_idle(node, partition))
            .count();
        let (closed, waiting) = in_queue(partition, queues);
        let reason = closed.or_else(|| out_of_service(&nodes, &out));
        let elsewhere = guests.waiting_for(partition.gpu_resource.as_deref());
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

impl Guests {
    fn add(&mut self, guest: Option<Guest>) {
        let Some(guest) = guest else { return };
        let Some(node) = guest.node else {
            self.waiting.push(guest.accelerators.into_keys().collect());
            return;
        };
        let taken = self.by_node.entry(node).or_default();
        taken.has_jobs |= guest.of_a_job;
        for (kind, amount) in guest.accelerators {
            *taken.accelerators.entry(kind).or_insert(0) += amount;
        }
    }

    fn absorb(&mut self, other: Self) {
        self.waiting.extend(other.waiting);
        for (node, more) in other.by_node {
            let taken = self.by_node.entry(node).or_default();
            taken.has_jobs |= more.has_jobs;
            for (kind, amount) in more.accelerators {
                *taken.accelerators.entry(kind).or_insert(0) += amount;
            }
        }
    }

    fn taken(&self, node: &str, kind: &str) -> i128 {
        let taken = self.by_node.get(node);
        taken
            .and_then(|taken| taken.accelerators.get(kind))
            .copied()
            .unwrap_or(0)
    }

    /// No accelerator taken, or where there are none, no Job's pod on it. Daemons run everywhere.
    fn is_idle(&self, node: &Node, partition: &PartitionSettings) -> bool {
        match &partition.gpu_resource {
            Some(kind) => self.taken(&node.name, kind) == 0,
            None => !self
                .by_node
                .get(&node.name)
                .is_some_and(|taken| taken.has_jobs),
        }
    }

    fn waiting_for(&self, kind: Option<&str>) -> u32 {
        let fits = |wanted: &&Vec<String>| match kind {
            Some(kind) => wanted.iter().any(|own| own == kind),
            None => wanted.is_empty(),
        };
        count(self.waiting.iter().filter(fits).count())
    }
}

/// For the fuzzer: what every partition offers by these objects.
pub(crate) fn offers(
    adapter: &KubernetesAdapter,
    nodes: &[Recorded],
    pods: &[Pod],
    views: &[View<'_>],
    queues: &[Workload],
) {
    let nodes: Vec<Node> = nodes.iter().filter_map(Node::of).collect();
    let (mut guests, mut more) = (Guests::default(), Guests::default());
    for pod in pods {
        guests.add(Guest::of(pod));
        more.add(Guest::of(pod));
    }
    guests.absorb(more);
    let mut own = Own::default();
    views.iter().for_each(|view| own.add(*view));
    let partitions = adapter.settings.partitions.iter();
    let offered: Vec<PartitionSnapshot> = partitions
        .map(|(id, partition)| adapter.offer((id, partition), &nodes, &guests, own, queues))
        .collect();
    let _ = readiness(&offered);
}

/// Why the partition's queue takes nothing, if so in every namespace, and how many wait in it.
fn in_queue(partition: &PartitionSettings, queues: &[Workload]) -> (Option<String>, u32) {
    let Some(name) = &partition.queue else {
        return (None, 0);
    };
    let own: Vec<&Workload> = queues.iter().filter(|q| q.metadata.name == *name).collect();
    let closed: Vec<String> = own.iter().filter_map(|queue| queue.inactive()).collect();
    let waiting = own.iter().map(|q| q.status.pending_workloads);
    let waiting = waiting.fold(0, u32::saturating_add);
    let all_closed = !own.is_empty() && closed.len() == own.len();
    (closed.into_iter().next().filter(|_| all_closed), waiting)
}

/// Why no node is left to take a job.
fn out_of_service(nodes: &[&Node], out: &[Option<String>]) -> Option<String> {
    if nodes.is_empty() {
        return Some("no node has its labels and accelerators".to_owned());
    }
    if out.iter().any(Option::is_none) {
        return None;
    }
    let each = nodes.iter().zip(out).take(5);
    let words: Vec<String> = each
        .map(|(node, why)| format!("{} {}", node.name, why.as_deref().unwrap_or_default()))
        .collect();
    Some(format!("no node takes jobs: {}", words.join(", ")))
}

fn sum(amounts: impl Iterator<Item = i128>) -> u32 {
    let whole = amounts.map(|amount| amount.max(0) / 1000);
    u32::try_from(whole.sum::<i128>()).unwrap_or(u32::MAX)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn readiness(offered: &[PartitionSnapshot]) -> (SiteReadiness, Option<String>) {
    let closed: Vec<String> = offered
        .iter()
        .filter(|partition| !partition.accepting)
        .map(|partition| {
            let why = partition.reason.as_deref().unwrap_or("closed");
            format!("{} ({why})", partition.partition)
        })
        .collect();
    let reason = || Some(format!("takes no jobs: {}", closed.join(", ")));
    match (closed.len(), offered.len()) {
        (0, _) => (SiteReadiness::Ready, None),
        (closed, all) if closed == all => (SiteReadiness::Draining, reason()),
        _ => (SiteReadiness::Limited, reason()),
    }
}
