//! Ends that the cluster tells, and those that the adapter brings about.

use std::sync::Arc;

use broker_model::{AfterWhen, Clock as _, ManualClock, OutcomeKind, SystemClock};
use jiff::SignedDuration;
use site_adapter::{Activity, RemoteAfter, SiteAdapter as _};
use site_adapter_kubernetes::KubernetesAdapter;

use crate::rig::{Rig, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_is_known_after_a_restart_and_its_usage_too() {
    let mut rig = Rig::start().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.adapter.cancel(&job).await.unwrap();
    rig.ended(&job).await;
    rig.restarted();
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert!(usage.ended_at >= usage.started_at);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_before_a_job_is_cancelled_is_not_lost_with_its_pod() {
    let rig = Rig::start().await;
    let job = rig
        .submit(&rig.submission("echo first; exec sleep 600"))
        .await;
    rig.running(&job).await;
    rig.wait("the log has begun", async || {
        (rig.log(&job).await == "first\n").then_some(())
    })
    .await;
    rig.adapter.cancel(&job).await.unwrap();
    rig.ended(&job).await;
    let stream = site_adapter::LogStream::Stdout;
    let rest = rig.adapter.read_log(&job, stream, 6, 777).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_memory_preemption_and_a_lost_node_are_told_apart() {
    let rig = Rig::start().await;
    for (end, kind, word) in [
        (0, OutcomeKind::OutOfMemory, "OOMKilled"),
        (1, OutcomeKind::Preempted, "PreemptionByScheduler"),
    ] {
        let job = rig.submit(&rig.submission("exec sleep 600")).await;
        rig.running(&job).await;
        let name = Rig::name(&job);
        if end == 0 {
            rig.cluster.out_of_memory(&name);
        } else {
            rig.cluster.preempt(&name);
        }
        let outcome = rig.ended(&job).await;
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        assert!(outcome.site_words.contains(word), "{outcome:?}");
        assert_eq!(rig.cluster.starts_of(&job.marker), 1);
    }
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.cluster.lose_node("node1");
    // Nobody can say that it has ended.
    for _ in 0..5 {
        let told = rig.told(&job).await.unwrap().activity;
        assert!(matches!(told, Activity::Running { .. }), "{told:?}");
    }
    rig.cluster.find_node("node1");
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::NodeFailure, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_nowhere_is_a_launch_that_failed_after_its_time() {
    let rig = Rig::start().await;
    rig.cluster.remove_image("example.org/absent:1");
    let mut submission = rig.submission("exit 0");
    submission.work.image = Some("docker://example.org/absent:1".to_owned());
    let job = rig.submit(&submission).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(outcome.site_words.contains("ImagePull"), "{outcome:?}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
}

/// The pod runs by now, and only the watch still shows that its image cannot be had.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_behind_gives_up_no_job_that_runs_by_now() {
    let mut rig = Rig::start().await;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let own = settings(&rig.cluster, "");
    rig.adapter = KubernetesAdapter::new(own, Arc::<ManualClock>::clone(&clock)).unwrap();
    rig.cluster.remove_image("example.org/late:1");
    let mut submission = rig.submission("exec sleep 600");
    submission.work.image = Some("docker://example.org/late:1".to_owned());
    let job = rig.submit(&submission).await;
    rig.wait("the watch tells it", async || {
        let asked = rig.cluster.requests("GET /");
        rig.waits_because(&job, "ImagePullBackOff").await;
        (rig.cluster.requests("GET /") == asked).then_some(())
    })
    .await;
    rig.cluster.fall_behind("pods");
    rig.cluster.restore_image("example.org/late:1");
    rig.wait("it runs", async || {
        (rig.cluster.starts_of(&job.marker) == 1).then_some(())
    })
    .await;
    clock.advance(SignedDuration::from_hours(1));
    rig.waits_because(&job, "ImagePullBackOff").await;
    assert_eq!(rig.note(&job, "alcyone/verdict"), None);
    rig.cluster.catch_up("pods");
    rig.running(&job).await;
}

/// The other one would compute nothing until its walltime, and be billed for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_two_nodes_one_of_which_cannot_launch_is_given_up() {
    let rig = Rig::start().await;
    rig.cluster.add_node("node2", 4);
    rig.cluster.remove_image_at("node2", "example.org/half:1");
    let mut submission = rig.submission("exec sleep 600");
    submission.work.image = Some("docker://example.org/half:1".to_owned());
    submission.work.resources.nodes = 2;
    submission.work.resources.gpus_per_node = 4;
    let job = rig.submit(&submission).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(outcome.site_words.contains("ImagePull"), "{outcome:?}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_is_nowhere_is_a_launch_that_failed() {
    let rig = Rig::start().await;
    let (_, outcome) = rig.run("#!/no/such/shell\nexit 0").await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(outcome.site_words.contains("/no/such/shell"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_says_what_for() {
    let rig = Rig::start().await;
    let mut big = rig.submission("exit 0");
    big.work.resources.gpus_per_node = 64;
    let job = rig.submit(&big).await;
    let words = rig.waits_because(&job, "Unschedulable").await;
    assert!(words.contains("Insufficient nvidia.com/gpu"), "{words}");
    rig.cluster.set_quota("requests.nvidia.com/gpu", 1);
    let mut over = rig.submission("exit 0");
    over.work.resources.gpus_per_node = 2;
    let job = rig.submit(&over).await;
    rig.waits_because(&job, "FailedCreate").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_more_than_the_whole_quota_is_a_launch_that_failed_after_its_time() {
    let rig = Rig::start().await;
    rig.cluster.set_quota("requests.nvidia.com/gpu", 1);
    let mut over = rig.submission("exit 0");
    over.work.resources.gpus_per_node = 2;
    let job = rig.submit(&over).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    let words = outcome.site_words;
    assert!(words.contains("exceeded quota: gpu"), "{words}");
    assert!(words.contains("it can never start"), "{words}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_another_and_goes_when_that_is_over() {
    let rig = Rig::start().await;
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let after = |when| RemoteAfter {
        marker: first.marker.clone(),
        remote: first.remote_id.clone(),
        when,
    };
    let mut jobs = Vec::new();
    for when in [AfterWhen::Completed, AfterWhen::Failed, AfterWhen::Ended] {
        let mut waits = rig.submission("echo went");
        waits.work.after.push(after(when));
        jobs.push(rig.submit(&waits).await);
    }
    rig.running(&first).await;
    for job in &jobs {
        rig.waits_because(job, &format!("Dependency: {}", first.marker))
            .await;
        assert_eq!(rig.cluster.starts_of(&job.marker), 0);
    }
    rig.adapter.cancel(&first).await.unwrap();
    let outcome = rig.ended(&jobs[0]).await;
    assert_eq!(outcome.kind, OutcomeKind::DependencyFailed, "{outcome:?}");
    for job in &jobs[1..] {
        assert_eq!(rig.ended(job).await.kind, OutcomeKind::Completed);
        assert_eq!(rig.cluster.starts_of(&job.marker), 1);
    }
    assert_eq!(rig.cluster.starts_of(&jobs[0].marker), 0);
    assert_eq!(rig.adapter.usage(&jobs[0]).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_job_that_is_cancelled_never_ran_and_any_agent_can_tell() {
    let mut rig = Rig::start().await;
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let job = rig.submit(&rig.waiting_for(&first, "echo went")).await;
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
    rig.adapter.cancel(&job).await.unwrap();
    rig.restarted();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Cancelled);
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
    // The controller ends what no queue has.
    rig.ended_by_its_controller(&job).await;
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
}

/// The Job is let in; its pods never are, and only events say so.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_pod_security_refuses_are_a_launch_that_failed_after_its_time() {
    let rig = Rig::start().await;
    rig.cluster.refuse_pods(
        "violates PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container \"main\" must \
         set securityContext.runAsNonRoot=true)",
    );
    let job = rig.submit(&rig.submission("exit 0")).await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert!(
        outcome.site_words.contains("violates PodSecurity"),
        "{outcome:?}"
    );
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
}

/// A cluster sweeps up pods that are over when it has too many of them; the Job stays.
#[tokio::test(flavor = "multi_thread")]
async fn usage_is_told_when_the_pods_are_gone_and_the_agent_was_restarted() {
    let mut rig = Rig::start().await;
    let mut submission = rig.submission("sleep 1");
    submission.work.resources.gpus_per_node = 2;
    let job = rig.submit(&submission).await;
    rig.ended(&job).await;
    let before = rig.adapter.usage(&job).await.unwrap().unwrap();
    rig.cluster.sweep_pods();
    rig.restarted();
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let after = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!(
        (after.nodes, after.scheduler_gpus, after.cpus),
        (before.nodes, before.scheduler_gpus, before.cpus)
    );
    let seconds = |usage: &site_adapter::UsageReport| {
        usage.ended_at.duration_since(usage.started_at).as_secs()
    };
    let difference = seconds(&after) - seconds(&before);
    assert!((0..=3).contains(&difference), "{before:?} {after:?}");
}

/// `ttlSecondsAfterFinished` takes the Job away with its pods and logs.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_past_its_time_to_live_is_left_out_and_its_end_was_told_before() {
    let rig = Rig::start().await;
    let (job, _) = rig.run("exit 0").await;
    assert!(rig.adapter.usage(&job).await.unwrap().is_some());
    let mut stored = rig.cluster.get("jobs", &Rig::name(&job)).unwrap();
    stored["spec"]["ttlSecondsAfterFinished"] = 0.into();
    rig.cluster.put("jobs", stored);
    rig.wait("it is gone", async || {
        rig.told(&job).await.is_none().then_some(())
    })
    .await;
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
    assert_eq!(rig.cluster.all("pods"), Vec::<serde_json::Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_job_that_has_no_node_yet_is_empty_and_no_error() {
    let rig = Rig::start().await;
    let mut big = rig.submission("exit 0");
    big.work.resources.gpus_per_node = 64;
    let job = rig.submit(&big).await;
    rig.waits_because(&job, "Unschedulable").await;
    assert_eq!(rig.log(&job).await, "");
}
