use broker_model::OutcomeKind;
use site_adapter::SiteAdapter as _;
use site_adapter_slurm::{ApiChoice, ApiVersion};

use super::cluster::{Cluster, ends, on_each_version, submit, until};
use super::jobs::stdout_of;

on_each_version!(read:
    the_newest_version_is_chosen_and_every_known_one_works,
);

/// A job with GPUs through submit, poll, find, usage, cancel and snapshot in each API version that
/// the server has.
async fn the_newest_version_is_chosen_and_every_known_one_works(cluster: &Cluster) {
    let newest = cluster.adapter().api_version().await.unwrap();
    let mut tried = Vec::new();
    for minor in 38..=45 {
        let version: ApiVersion = format!("v0.0.{minor}").parse().unwrap();
        let adapter = cluster.adapter_with(|s| s.api_version = ApiChoice::Fixed(version));
        if adapter.snapshot().await.is_err() {
            continue;
        }
        tried.push(version);
        let mut submission = cluster.submission("echo $CUDA_VISIBLE_DEVICES; exit 3");
        submission.work.resources.gpus_per_node = 1;
        let job = submit(&adapter, &submission).await;
        let outcome = ends(&adapter, &job).await;
        assert_eq!(outcome.kind, OutcomeKind::Failed, "{version}");
        assert_eq!(outcome.exit_code, Some(3), "{version}");
        assert_eq!(stdout_of(&adapter, &job).await.trim().len(), 1, "{version}");
        let usage = until("usage is written", async || {
            adapter.usage(&job).await.unwrap()
        })
        .await;
        assert_eq!(usage.scheduler_gpus, 1, "{version}");
        let found = adapter.find(&job.account, &job.marker).await.unwrap();
        assert_eq!(found.unwrap().remote_id, job.remote_id, "{version}");
        let long = submit(&adapter, &cluster.submission("sleep 600")).await;
        adapter.cancel(&long).await.unwrap();
        let outcome = ends(&adapter, &long).await;
        assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{version}");
        for probe in adapter.probe().await {
            assert_eq!(probe.problem, None, "{version} {}", probe.subsystem);
        }
    }
    assert_eq!(tried.last(), Some(&newest));
    let is_old = newest == "v0.0.38".parse().unwrap();
    assert!(is_old || tried.len() >= 3, "{tried:?}");
}
