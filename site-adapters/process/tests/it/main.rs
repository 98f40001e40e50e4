//! The adapter on this machine's own processes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the rig fails a test by panicking"
)]

mod arrays;
mod cgroups;
mod isolation;
mod queue;
mod rig;
mod survival;

use std::time::Duration;

use broker_model::Walltime;
use site_adapter::conformance::{self, Condition};

use crate::rig::Rig;

const LACKS: &[conformance::Lack<'static>] = &[(
    Condition::OutOfMemory,
    "without a delegated cgroup nobody is told of it; `cgroups.rs` has what can be had here",
)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_adapter_does_what_every_adapter_must() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let site = conformance::Site {
        adapter: &adapter,
        account: rig.account.clone(),
        partition: rig.partition.clone(),
        gpus_per_node: 4,
        scheduler_gpus_per_gpu: 1,
        gpu_kind: Some("gpu"),
        launch_failure: Some(|job| "#!/no/such/shell\n".clone_into(&mut job.work.script)),
        lacks: LACKS,
        shortest_walltime: Walltime::from_seconds(1).unwrap(),
        patience: Duration::from_secs(30),
        pause: Duration::from_millis(5),
        scratch: Some(rig.scratch()),
        ids: &rig.ids,
        clock: &*rig.clock,
    };
    conformance::all(&site).await;
    adapter.close().await;
}
