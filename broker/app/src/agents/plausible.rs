//! Whether what a site says an attempt used can be true: a wrong unit, a reused job id or a broken
//! accounting database must not empty an allocation.

use broker_model::Partition;
use jiff::{SignedDuration, Timestamp};
use site_adapter::UsageReport;

/// How far a site's clock may be off.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);
/// A site may count hardware threads where its file counts cores, and POWER has eight on one.
const THREADS_PER_CORE: u64 = 8;

/// Refuses a record from before the attempt was leased or after now: another job had its id.
pub(crate) fn check_times(
    leased_at: Timestamp,
    now: Timestamp,
    usage: &UsageReport,
) -> Result<(), String> {
    let (started_at, ended_at) = (usage.started_at, usage.ended_at);
    let too_early = leased_at.duration_since(started_at) > CLOCK_SKEW;
    let too_late = ended_at.duration_since(now) > CLOCK_SKEW;
    if too_early || too_late {
        return Err(format!(
            "it ran from {started_at} to {ended_at}; the attempt began at {leased_at}"
        ));
    }
    Ok(())
}

/// Refuses more time than so many tasks can have had between the first start and the last end.
pub(crate) fn check_elapsed(tasks: u32, usage: &UsageReport) -> Result<(), String> {
    let span = usage.ended_at.duration_since(usage.started_at).as_secs();
    // Schedulers round each task to the second.
    let most = u64::try_from(span)
        .unwrap_or(0)
        .saturating_add(1)
        .saturating_mul(tasks.into());
    match usage.elapsed_seconds {
        Some(told) if told > most => Err(format!(
            "{told} s of run time, where {tasks} tasks from {} to {} have {most} s at most",
            usage.started_at, usage.ended_at
        )),
        _ => Ok(()),
    }
}

/// Refuses more than the partition has, or, where its size is not known, more than a job may have.
pub(crate) fn check_numbers(
    partition: &Partition,
    asked_nodes: u32,
    usage: &UsageReport,
) -> Result<(), String> {
    let largest = partition.nodes.or(partition.max_nodes_per_job);
    let nodes = u64::from(usage.nodes.max(1));
    let gpus = u64::from(partition.gpus_per_node) * u64::from(partition.scheduler_gpus_per_gpu);
    let most = |per_node: Option<u32>| {
        per_node.map_or(u64::MAX, |per_node| {
            nodes
                .saturating_mul(per_node.into())
                .saturating_mul(THREADS_PER_CORE)
        })
    };
    for (what, told, most) in [
        (
            "nodes",
            usage.nodes,
            largest.unwrap_or(asked_nodes).max(asked_nodes).into(),
        ),
        ("GPUs", usage.scheduler_gpus, nodes.saturating_mul(gpus)),
        ("CPUs", usage.cpus, most(partition.cpus_per_node)),
        (
            "GiB of memory",
            usage.memory_gib,
            most(partition.memory_gib_per_node),
        ),
    ] {
        if u64::from(told) > most {
            return Err(format!(
                "{told} {what} on {nodes} nodes, where {most} are the most"
            ));
        }
    }
    Ok(())
}
