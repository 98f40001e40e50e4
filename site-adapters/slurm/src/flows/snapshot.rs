use std::collections::BTreeMap;

use broker_model::{GpuCount, PartitionId, PartitionSnapshot};
use jiff::Timestamp;
use site_adapter::{Result, SiteSnapshot, readiness_of};

use crate::adapter::SlurmAdapter;
use crate::answer::Answer;
use crate::calls::diag::{self, Counters};
use crate::calls::job::{self, Placed};
use crate::calls::nodes::{self, Node};
use crate::calls::partitions::{self, Partition};

/// A queue up to this long is read, some 2 MB: for what waits and runs in each partition, and for the
/// starts that the backfill scheduler expects.
const COUNTED_QUEUE: u32 = 250;

/// For the fuzzer: what every partition offers by one answer that is all of them.
pub(crate) fn offers(adapter: &SlurmAdapter, answer: &Answer) -> Result<()> {
    let seen = Seen {
        nodes: nodes::parse(answer).unwrap_or_default(),
        partitions: partitions::parse(answer).unwrap_or_default(),
        counters: diag::parse(answer).unwrap_or_default(),
        placed: job::placed(answer)?,
    };
    let ids = adapter.settings.partitions.keys();
    let offered: Vec<PartitionSnapshot> = ids.map(|id| adapter.offer(id, &seen)).collect();
    let _ = readiness_of(&offered);
    Ok(())
}

/// What one look at the cluster brought.
struct Seen {
    nodes: Vec<Node>,
    partitions: Vec<Partition>,
    counters: Counters,
    /// Empty where the queue is long or could not be read.
    placed: Vec<Placed>,
}

impl SlurmAdapter {
    /// Three calls: nodes, partitions, counters; one more for a queue that is short.
    ///
    /// Of a long queue, and of one that cannot be read, the counts of jobs are the whole cluster's in
    /// every partition: slurmctld tells them per partition only with all of `jobs`.
    pub(crate) async fn take_snapshot(&self) -> Result<SiteSnapshot> {
        let (nodes, partitions, counters) = tokio::join!(
            self.ask(|_| nodes::request()),
            self.ask(|_| partitions::request()),
            self.counters(),
        );
        let counters = counters?;
        let seen = Seen {
            nodes: nodes::parse(&nodes?)?,
            partitions: partitions::parse(&partitions?)?,
            placed: self.placed(counters).await,
            counters,
        };
        let ids = self.settings.partitions.keys();
        let offered: Vec<PartitionSnapshot> = ids.map(|id| self.offer(id, &seen)).collect();
        let (readiness, reason) = readiness_of(&offered);
        Ok(SiteSnapshot {
            observed_at: self.clock.now(),
            readiness,
            reason,
            partitions: offered,
        })
    }

    /// The jobs that wait and run, as far as the reader sees them; none where they are not told.
    async fn placed(&self, counters: Counters) -> Vec<Placed> {
        let is_counted = (1..=COUNTED_QUEUE).contains(&counters.queue());
        if !is_counted || !self.is_short_by(counters) {
            return Vec::new();
        }
        let answer = self.whole_queue(self.transport.reader()).await;
        answer
            .and_then(|answer| job::placed(&answer))
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "jobs are counted for all partitions together");
                Vec::new()
            })
    }

    fn offer(&self, id: &PartitionId, seen: &Seen) -> PartitionSnapshot {
        let name = self.settings.partition(id).map(|(name, _)| name);
        let name = name.unwrap_or_default();
        let slurm = seen.partitions.iter().find(|p| p.name == name);
        let has = |node: &&Node| node.partitions.contains(&name);
        let own: Vec<&Node> = seen.nodes.iter().filter(has).collect();
        let gpus = gpus_by_kind(&own);
        let reason = closed(&name, slurm, &own);
        let (jobs_running, jobs_queued) = busy(seen, &name);
        PartitionSnapshot {
            system: self.settings.system.clone(),
            partition: id.clone(),
            accepting: reason.is_none(),
            nodes_total: count(&own, |_| true),
            nodes_free: count(&own, |node| node.idle),
            nodes_drained: count(&own, |node| node.is_out),
            gpus_total: sum(&gpus, |kind| kind.total),
            gpus_free: sum(&gpus, |kind| kind.free),
            gpus,
            max_walltime_seconds: slurm.and_then(|p| p.max_walltime_seconds),
            max_nodes_per_job: slurm.and_then(|p| p.max_nodes_per_job),
            jobs_running,
            jobs_queued,
            backlog_node_seconds: None,
            reason,
            expected_start: latest(&seen.placed, &name, self.clock.now()),
        }
    }
}

fn count(nodes: &[&Node], fits: fn(&Node) -> bool) -> u32 {
    let fitting = nodes.iter().filter(|node| fits(node)).count();
    u32::try_from(fitting).unwrap_or(u32::MAX)
}

fn sum(kinds: &[GpuCount], of: fn(&GpuCount) -> u32) -> u32 {
    kinds.iter().map(of).fold(0, u32::saturating_add)
}

fn gpus_by_kind(nodes: &[&Node]) -> Vec<GpuCount> {
    let mut kinds: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for node in nodes {
        for (kind, total) in &node.gpus {
            let used = node.gpus_used.get(kind).copied().unwrap_or(0);
            let free = if node.usable {
                total.saturating_sub(used)
            } else {
                0
            };
            let known = kinds.entry(kind).or_default();
            known.0 = known.0.saturating_add(*total);
            known.1 = known.1.saturating_add(free);
        }
    }
    let counts = kinds.into_iter().map(|(kind, (total, free))| GpuCount {
        kind: kind.to_owned(),
        total,
        free,
    });
    counts.collect()
}

/// Why a partition takes no jobs: it is not there, not up, or has no node that could run one.
fn closed(name: &str, slurm: Option<&Partition>, nodes: &[&Node]) -> Option<String> {
    let Some(slurm) = slurm else {
        return Some(format!("Slurm has no partition `{name}`"));
    };
    if !slurm.is_up() {
        return Some(format!("partition {name} is {}", slurm.state));
    }
    if nodes.is_empty() || !nodes.iter().all(|node| node.is_out) {
        return None;
    }
    let words = nodes.iter().find_map(|node| node.reason.as_deref());
    let words = words.map_or(String::new(), |words| format!(": {words}"));
    Some(format!(
        "all nodes of partition {name} are down or drained{words}"
    ))
}

/// Jobs that run and wait in a partition.
fn busy(seen: &Seen, partition: &str) -> (u32, u32) {
    if seen.placed.is_empty() {
        return (seen.counters.jobs_running, seen.counters.jobs_pending);
    }
    let count = |waits: bool| {
        let own = |job: &&Placed| job.waits == waits && job.is_in(partition);
        let counts = seen.placed.iter().filter(own).map(|job| job.jobs);
        counts.fold(0, u32::saturating_add)
    };
    (count(false), count(true))
}

fn latest(placed: &[Placed], partition: &str, now: Timestamp) -> Option<Timestamp> {
    let waits = placed
        .iter()
        .filter(|job| job.waits && job.is_in(partition));
    waits
        .filter_map(|job| job.start)
        .filter(|start| *start > now)
        .max()
}
