use broker_model::OutcomeKind;

use super::{Condition, Site};
use crate::{Activity, RemoteRef, UsageReport};

pub async fn usage_is_told_after_the_end_and_not_before(site: &Site<'_>) {
    let job = site.submit(&site.submission("exec sleep 600")).await;
    let started_at = site.wait_until_running(&job).await;
    assert_eq!(site.adapter.usage(&job).await.unwrap(), None);
    site.adapter.cancel(&job).await.unwrap();
    site.wait_until_ended(&job).await;

    let usage = site.usage_of(&job).await;
    assert_eq!(usage.nodes, 1);
    assert_eq!(usage.scheduler_gpus, 0);
    assert!(usage.cpus >= 1);
    assert!(usage.started_at >= started_at, "{usage:?}, {started_at}");
    assert!(usage.ended_at >= usage.started_at, "{usage:?}");
    let told = site.poll_one(&job).await.unwrap().activity;
    let Activity::Ended { ended_at, .. } = told else {
        panic!("an ended job is told as {told:?}");
    };
    assert_eq!(usage.ended_at, ended_at);
    assert_eq!(site.usage_of(&job).await, usage);
}

pub async fn a_job_with_gpus_is_metered_with_them(site: &Site<'_>) {
    if site.gpus_per_node == 0 {
        return;
    }
    let mut submission = site.submission("exit 0");
    submission.work.resources.gpus_per_node = site.gpus_per_node;
    let (job, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let usage = site.usage_of(&job).await;
    assert_eq!(
        usage.scheduler_gpus,
        site.gpus_per_node * site.scheduler_gpus_per_gpu
    );
}

/// It has the node to itself, so what of it lies idle is its too.
pub async fn a_job_with_whole_nodes_is_metered_with_all_of_them(site: &Site<'_>) {
    if !site.can(Condition::WholeNodes) {
        return;
    }
    let mut submission = site.submission("exit 0");
    submission.work.exclusive = true;
    let (job, outcome) = site.run(&submission).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let usage = site.usage_of(&job).await;
    assert_eq!(usage.nodes, 1, "{usage:?}");
    let gpus = site.gpus_per_node * site.scheduler_gpus_per_gpu;
    assert_eq!(usage.scheduler_gpus, gpus, "{usage:?}");
}

impl Site<'_> {
    /// The usage, once it is written.
    pub(super) async fn usage_of(&self, job: &RemoteRef) -> UsageReport {
        self.wait_for("the usage is written", async || {
            self.adapter.usage(job).await.unwrap()
        })
        .await
    }
}
