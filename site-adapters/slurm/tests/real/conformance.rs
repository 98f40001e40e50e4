use std::time::Duration;

use broker_model::{SystemClock, Walltime};
use site_adapter::conformance::{self, Condition, Site};

use super::cluster::{Cluster, HOMELESS, alice, main_partition, on_each_version};

const LACKS: &[conformance::Lack<'static>] = &[(
    Condition::OutOfMemory,
    "the test clusters run without cgroups, which Slurm needs to enforce memory",
)];

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
        launch_failure: Some(|job| HOMELESS.clone_into(&mut job.account.user)),
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
