use broker_model::{PartitionSnapshot, SiteReadiness};

use super::{Condition, Site};

pub async fn every_subsystem_is_well(site: &Site<'_>) {
    let probes = site.adapter.probe().await;
    assert!(!probes.is_empty(), "the adapter needs something, surely");
    for probe in probes {
        assert_eq!(probe.problem, None, "{}", probe.subsystem);
    }
}

pub async fn the_snapshot_lists_the_partition(site: &Site<'_>) {
    let before = partition(site).await;
    assert!(before.accepting, "{before:?}");
    assert!(before.nodes_total >= 1, "{before:?}");
    assert!(before.nodes_free <= before.nodes_total, "{before:?}");
    assert!(before.gpus_free <= before.gpus_total, "{before:?}");
    let gpus = site.gpus_per_node * site.scheduler_gpus_per_gpu;
    assert!(before.gpus_total >= gpus, "{before:?}");
    let again = partition(site).await;
    assert_eq!(again.nodes_total, before.nodes_total);
    assert_eq!(again.gpus_total, before.gpus_total);
    assert_eq!(again.max_walltime_seconds, before.max_walltime_seconds);
}

/// The kinds add up to the sums, under the name that the scheduler gives them.
pub async fn the_snapshot_counts_gpus_by_kind(site: &Site<'_>) {
    if !site.can(Condition::GpuKinds) {
        return;
    }
    let offer = partition(site).await;
    let sum = |count: fn(&broker_model::GpuCount) -> u32| offer.gpus.iter().map(count).sum::<u32>();
    assert_eq!(sum(|kind| kind.total), offer.gpus_total, "{offer:?}");
    assert_eq!(sum(|kind| kind.free), offer.gpus_free, "{offer:?}");
    assert!(
        offer.gpus.iter().all(|kind| kind.free <= kind.total),
        "{offer:?}"
    );
    let listed = |wanted: &str| offer.gpus.iter().any(|kind| kind.kind == wanted);
    assert!(site.gpu_kind.is_none_or(listed), "{offer:?}");
}

async fn partition(site: &Site<'_>) -> PartitionSnapshot {
    let snapshot = site.adapter.snapshot().await.unwrap();
    assert_eq!(
        snapshot.readiness,
        SiteReadiness::Ready,
        "{:?}",
        snapshot.reason
    );
    let listed: Vec<_> = snapshot
        .partitions
        .into_iter()
        .filter(|partition| {
            partition.system == site.partition.system
                && partition.partition == site.partition.partition
        })
        .collect();
    assert_eq!(listed.len(), 1, "{} is listed once", site.partition);
    listed.into_iter().next().unwrap()
}
