use std::time::Duration;

use broker_model::{SystemClock, Walltime};
use site_adapter::conformance::{self, Condition, Site};

use super::cluster::{Cluster, alice, main_partition, on_each_version};

const LACKS: &[conformance::Lack<'static>] = &[
    (Condition::Arrays, "not built yet"),
    (Condition::Dependencies, "not built yet"),
    (Condition::LaunchFailure, "not built yet"),
    (Condition::GpuKinds, "not built yet"),
    (Condition::OutOfMemory, "the test clusters have no cgroups"),
];

on_each_version!(read: it_does_what_every_adapter_must_do);

async fn it_does_what_every_adapter_must_do(cluster: &Cluster) {
    let adapter = cluster.adapter();
    conformance::all(&Site {
        adapter: &adapter,
        account: alice(),
        partition: main_partition(),
        gpus_per_node: 4,
        scheduler_gpus_per_gpu: 1,
        gpu_kind: Some("h100"),
        launch_failure: None,
        lacks: LACKS,
        shortest_walltime: Walltime::from_seconds(60).unwrap(),
        patience: Duration::from_mins(3),
        pause: Duration::from_millis(300),
        scratch: None,
        ids: &cluster.ids,
        clock: &SystemClock,
    })
    .await;
}
