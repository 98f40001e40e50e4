use broker_model::{Clause, Resources, Walltime};

use super::Against;
use crate::spot::Spot;

pub(super) fn check(resources: &Resources, spot: &Spot<'_>, against: &mut Against) {
    check_gpus(resources, spot, against);
    check_nodes(resources, spot, against);
    let per_node = [
        (
            Clause::Cpus,
            "CPUs",
            resources.cpus_per_node,
            spot.partition.cpus_per_node,
        ),
        (
            Clause::Memory,
            "GiB",
            resources.memory_gib_per_node,
            spot.partition.memory_gib_per_node,
        ),
    ];
    for (clause, what, asked, has) in per_node {
        let Some(asked) = asked else { continue };
        match has {
            None => against.for_good(
                clause,
                format!("asks for {asked} {what} a node, how many it has is not known"),
            ),
            Some(has) if asked > has => {
                against.for_good(clause, format!("asks for {asked} {what} a node, has {has}"));
            }
            Some(_) => {}
        }
    }
    check_walltime(resources.walltime, spot, against);
}

fn check_gpus(resources: &Resources, spot: &Spot<'_>, against: &mut Against) {
    let (asked, has) = (resources.gpus_per_node, spot.partition.gpus_per_node);
    if asked > has {
        let words = match (has, &spot.partition.accelerator_kind) {
            (0, None) => format!("asks for {asked} GPUs a node, has none"),
            (0, Some(kind)) => format!("asks for {asked} GPUs a node, is a {kind}"),
            (_, _) => format!("asks for {asked} GPUs a node, has {has}"),
        };
        against.for_good(Clause::GpuCount, words);
    }
    if asked == 0 && spot.partition.rules.gpu_jobs_only {
        against.for_good(
            Clause::GpuCount,
            "asks for no GPUs, and the site wants them used here",
        );
    }
    let Some(memory) = resources.gpu_memory_gib.filter(|_| asked > 0 && has > 0) else {
        return;
    };
    match spot.partition.gpu_memory_gib {
        None => against.for_good(
            Clause::GpuMemory,
            format!("asks for {memory} GiB a GPU, how much it has is not known"),
        ),
        Some(has) if memory > has => {
            against.for_good(
                Clause::GpuMemory,
                format!("asks for {memory} GiB a GPU, has {has}"),
            );
        }
        Some(_) => {}
    }
}

/// The scheduler's own limits go before those of the site's file.
fn check_nodes(resources: &Resources, spot: &Spot<'_>, against: &mut Against) {
    let asked = resources.nodes;
    let live = spot.live();
    let limit = live
        .and_then(|live| live.max_nodes_per_job)
        .or(spot.partition.max_nodes_per_job);
    if let Some(limit) = limit.filter(|limit| asked > *limit) {
        against.for_good(
            Clause::Nodes,
            format!("asks for {asked} nodes, a job may have {limit}"),
        );
    }
    match (live.map(|live| live.nodes_total), spot.partition.nodes) {
        (Some(now), Some(built)) if asked > now && asked <= built => against.for_now(
            Clause::Nodes,
            format!("asks for {asked} nodes, {now} of {built} are in service"),
        ),
        (Some(has), _) | (None, Some(has)) if asked > has => {
            against.for_good(Clause::Nodes, format!("asks for {asked} nodes, has {has}"));
        }
        _ => {}
    }
}

fn check_walltime(walltime: Walltime, spot: &Spot<'_>, against: &mut Against) {
    let told = spot.live().and_then(|live| live.max_walltime_seconds);
    let limit = told.or_else(|| spot.partition.max_walltime.map(Walltime::seconds));
    let Some(limit) = limit.filter(|limit| walltime.seconds() > *limit) else {
        return;
    };
    let words = match Walltime::from_seconds(limit) {
        Some(limit) => format!("asks for {walltime}, a job may run {limit}"),
        None => format!("asks for {walltime}, no job may run at all"),
    };
    against.for_good(Clause::Walltime, words);
}
