//! Pods that the cluster takes away.

use std::path::Path;

use broker_model::OutcomeKind;
use site_adapter::SiteAdapter as _;

use crate::rig::{Rig, adapter_of, settings};

/// The script says by the file that it runs.
async fn begun(rig: &Rig, file: &Path) {
    rig.wait("the script has begun", async || file.exists().then_some(()))
        .await;
}

/// It completed for its controller, and only its pod, which goes, knows that it did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_preempted_job_that_ends_with_0_when_it_is_told_to_go_has_not_completed() {
    let mut rig = Rig::start().await;
    let mut own = settings(&rig.cluster, "");
    own.grace_seconds = 60;
    rig.adapter = adapter_of(own);
    let (file, gate) = (
        rig.cluster.folder().join("begun"),
        rig.cluster.folder().join("gate"),
    );
    let script = format!(
        "trap 'while [ ! -e {} ]; do sleep 0.1; done; exit 0' TERM\n: >{}\nwhile :; do sleep 0.1; done",
        gate.display(),
        file.display()
    );
    let job = rig.submit(&rig.submission(&script)).await;
    rig.running(&job).await;
    begun(&rig, &file).await;
    rig.cluster.preempt(&Rig::name(&job));
    rig.wait("it is noted why", async || {
        rig.told(&job).await?;
        rig.note(&job, "alcyone/taken-away")
    })
    .await;
    std::fs::write(gate, "").unwrap();
    rig.wait("the pod is gone", async || {
        rig.cluster.all("pods").is_empty().then_some(())
    })
    .await;
    for _ in 0..2 {
        let outcome = rig.ended(&job).await;
        assert_eq!(outcome.kind, OutcomeKind::Preempted, "{outcome:?}");
        let words = outcome.site_words;
        assert!(words.starts_with("PreemptionByScheduler"), "{words}");
        rig.restarted();
    }
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restartable_job_that_is_preempted_begins_again_and_completes() {
    let rig = Rig::start().await;
    let file = rig.cluster.folder().join("begun");
    let name = file.display();
    let script = format!("[ -e {name} ] && exit 0\n: >{name}\nexec sleep 600");
    let mut submission = rig.submission(&script);
    submission.work.restartable = true;
    let job = rig.submit(&submission).await;
    rig.running(&job).await;
    begun(&rig, &file).await;
    rig.cluster.preempt(&Rig::name(&job));
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 2);
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert!(usage.elapsed_seconds.is_some(), "{usage:?}");
}
