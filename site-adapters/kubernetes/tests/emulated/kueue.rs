use broker_model::{ArraySpec, Clock as _, OutcomeKind, SystemClock};
use jiff::SignedDuration;
use serde_json::json;
use site_adapter::{ErrorKind, SiteAdapter as _};

use crate::rig::{Rig, adapter};

async fn queued() -> Rig {
    let rig = Rig::with("queue = \"gpu\"").await;
    rig.cluster.install_kueue(4);
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_admitted_and_runs() {
    let rig = queued().await;
    let (_, outcome) = rig.run("exit 0").await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_says_what_it_waits_for() {
    let rig = queued().await;
    let mut all = rig.submission("exec sleep 600");
    all.work.resources.gpus_per_node = 4;
    let first = rig.submit(&all).await;
    rig.running(&first).await;
    let mut two = rig.submission("exit 0");
    two.work.resources.gpus_per_node = 2;
    let second = rig.submit(&two).await;
    let words = rig.waits_because(&second, "WaitingForQuota").await;
    assert!(words.contains("2 more needed"), "{words}");
    rig.adapter.cancel(&first).await.unwrap();
    assert_eq!(rig.ended(&second).await.kind, OutcomeKind::Completed);

    let mut nine = rig.submission("exit 0");
    nine.work.resources.gpus_per_node = 9;
    let never = rig.submit(&nine).await;
    let outcome = rig.ended(&never).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    let words = outcome.site_words;
    assert!(words.contains("it can never start"), "{words}");
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.account.account = Some("nope".to_owned());
    let lost = rig.submit(&elsewhere).await;
    rig.waits_because(&lost, "LocalQueue nope doesn't exist")
        .await;
    let mut classless = rig.submission("exit 0");
    classless.account.qos = Some("nope".to_owned());
    let lost = rig.submit(&classless).await;
    rig.waits_because(&lost, "WorkloadPriorityClass \"nope\" not found")
        .await;
}

/// Kueue would admit it again and so start its code a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kueue_evicts_is_ended_and_never_starts_again() {
    let mut rig = queued().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.noted_as_started(&job).await;
    rig.cluster.evict(&Rig::name(&job));
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Preempted, "{outcome:?}");
    assert!(
        outcome.site_words.contains("Preempted to accommodate"),
        "{outcome:?}"
    );
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    // Kueue lets it go again, to an agent that remembers nothing.
    rig.restarted();
    rig.cluster.readmit(&Rig::name(&job));
    rig.ended_by_its_controller(&job).await;
    assert_eq!(rig.ended(&job).await, outcome);
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), Some(usage));
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_still_runs_when_its_array_is_evicted_is_metered() {
    let rig = queued().await;
    let script = "[ $ALCYONE_ARRAY_INDEX = 0 ] && exit 0\ntrap '' TERM\nwhile :; do sleep 1; done";
    let mut submission = rig.submission(script);
    submission.work.array = Some(ArraySpec {
        tasks: 2,
        at_once: Some(1),
    });
    let job = rig.submit(&submission).await;
    rig.wait("the second task runs", async || {
        (rig.cluster.starts_of(&job.marker) == 2).then_some(())
    })
    .await;
    rig.noted_as_started(&job).await;
    let begun = SystemClock.now();
    let evicted_at = rig
        .wait("it has run for three seconds", async || {
            let now = SystemClock.now();
            (now.duration_since(begun) >= SignedDuration::from_secs(3)).then_some(now)
        })
        .await;
    rig.cluster.evict(&Rig::name(&job));
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Preempted, "{outcome:?}");
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert!(usage.elapsed_seconds.unwrap() >= 3, "{usage:?}");
    assert!(
        usage.ended_at.as_second() >= evicted_at.as_second(),
        "{usage:?}"
    );
}

/// A namespace has one for each Job of everybody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_workloads_are_read_in_pages() {
    let rig = queued().await;
    for number in 0..1100 {
        rig.cluster.put(
            "workloads",
            json!({
                "kind": "Workload", "apiVersion": "kueue.x-k8s.io/v1beta2",
                "metadata": {
                    "name": format!("before-it-{number}"), "namespace": "team-a",
                    "labels": { "kueue.x-k8s.io/job-uid": format!("another-{number}") },
                },
                "status": {},
            }),
        );
    }
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.account.account = Some("nope".to_owned());
    let job = rig.submit(&elsewhere).await;
    rig.waits_because(&job, "LocalQueue nope").await;
    let lists = "GET /apis/kueue.x-k8s.io/v1beta2/namespaces/team-a/workloads";
    let all = rig.cluster.requests(lists);
    assert!(all >= 3, "{all}");
    assert_eq!(rig.cluster.requests_with(lists, "limit=500"), all);
}

/// Nothing in Kubernetes keeps Kueue from that while no agent looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_began_a_second_time_while_no_agent_looked_is_ended_in_those_words() {
    let rig = queued().await;
    let job = rig.submit(&rig.submission("exec sleep 600")).await;
    rig.running(&job).await;
    rig.noted_as_started(&job).await;
    rig.cluster.evict(&Rig::name(&job));
    rig.wait("its pods are gone", async || {
        rig.cluster.all("pods").is_empty().then_some(())
    })
    .await;
    // Kubernetes' times have whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    rig.cluster.readmit(&Rig::name(&job));
    rig.wait("it begins again", async || {
        (rig.cluster.starts_of(&job.marker) == 2).then_some(())
    })
    .await;
    let outcome = rig.ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Preempted, "{outcome:?}");
    assert!(outcome.site_words.contains("a second time"), "{outcome:?}");
    assert_eq!(rig.cluster.starts_of(&job.marker), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_while_it_stood_still_is_deleted_after_its_time() {
    let rig = queued().await;
    let mut all = rig.submission("exec sleep 600");
    all.work.resources.gpus_per_node = 4;
    let first = rig.submit(&all).await;
    rig.running(&first).await;
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.account.account = Some("nope".to_owned());
    let waits = rig.submit(&elsewhere).await;
    rig.waits_because(&waits, "LocalQueue nope").await;
    rig.adapter.cancel(&waits).await.unwrap();
    assert_eq!(rig.ended(&waits).await.kind, OutcomeKind::Cancelled);
    rig.swept(&waits).await;
    assert_eq!(rig.cluster.starts_of(&waits.marker), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_without_kueue_is_told_by_the_probe_and_runs_nothing() {
    let rig = Rig::start().await;
    let queued = adapter(&rig.cluster, "queue = \"gpu\"");
    let probes = queued.probe().await;
    let kueue = probes
        .iter()
        .find(|probe| probe.subsystem == "kueue")
        .unwrap();
    let problem = kueue.problem.as_deref().unwrap();
    assert!(problem.contains("not installed"), "{problem}");
    let submission = rig.submission("exit 0");
    let submitted = queued.submit(&submission).await.unwrap();
    let job = Rig::reference(&submission, &submitted);
    let told = queued.poll(std::slice::from_ref(&job)).await.unwrap();
    assert!(
        matches!(
            told[0].activity,
            site_adapter::Activity::Queued { .. } | site_adapter::Activity::Unknown
        ),
        "{told:?}"
    );
    assert_eq!(rig.cluster.starts_of(&job.marker), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queues_name_that_the_webhook_refuses_is_refused_in_its_words() {
    let rig = queued().await;
    let mut odd = rig.submission("exit 0");
    odd.account.account = Some("a.b".to_owned());
    let error = rig.adapter.submit(&odd).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("admission webhook"), "{error}");
}

/// Free is what the queue still has, however much the nodes could give.
#[tokio::test(flavor = "multi_thread")]
async fn a_queues_quota_bounds_what_is_offered() {
    let rig = queued().await;
    rig.cluster.add_node("node2", 8);
    let offered = async || rig.adapter.snapshot().await.unwrap().partitions[0].clone();
    let before = offered().await;
    assert_eq!((before.gpus_total, before.gpus_free), (4, 4));
    // Four of the twelve: the node of four whole, and not the one of eight.
    assert_eq!((before.nodes_total, before.nodes_free), (2, 1));
    let mut three = rig.submission("exec sleep 600");
    three.work.resources.gpus_per_node = 3;
    let job = rig.submit(&three).await;
    rig.running(&job).await;
    let after = rig
        .wait("the reservation is told", async || {
            Some(offered().await).filter(|told| told.gpus_free == 1)
        })
        .await;
    assert_eq!(after.nodes_free, 0);
    assert_eq!(after.gpus[0].free, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_may_not_be_read_bounds_nothing_and_is_told() {
    let rig = queued().await;
    rig.cluster.add_node("node2", 8);
    rig.cluster.deny("list", "clusterqueues");
    rig.cluster.deny("list", "resourceflavors");
    rig.cluster.deny("list", "all localqueues");
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.partitions[0].gpus_free, 12);
    let reason = snapshot.reason.unwrap();
    assert!(
        reason.contains("quotas do not count") && reason.contains("clusterqueues"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_without_kueue_leaves_the_offer_as_the_nodes_have_it() {
    let rig = Rig::with("queue = \"gpu\"").await;
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.partitions[0].gpus_free, 4);
    assert_eq!(snapshot.reason, None);
}

/// A `LocalQueue` named `default` gives its label to every Job without one.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_several_nodes_that_the_cluster_queued_by_itself_is_left_to_kueue() {
    let rig = Rig::start().await;
    rig.cluster.install_kueue(4);
    rig.cluster.queue_by_default();
    let mut submission = rig.submission("exit 0");
    submission.work.resources.nodes = 2;
    let job = rig.submit(&submission).await;
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Completed);
    assert_eq!(rig.cluster.starts_of(&job.marker), 2);
    assert_eq!(
        rig.cluster
            .requests_with_body("PATCH /", "\"suspend\":false"),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_named_default_lets_no_job_go_before_what_it_waits_for_is_over() {
    let rig = Rig::start().await;
    rig.cluster.install_kueue(4);
    rig.cluster.queue_by_default();
    let first = rig.submit(&rig.submission("exec sleep 600")).await;
    let job = rig.submit(&rig.waiting_for(&first, "echo went")).await;
    rig.running(&first).await;
    for _ in 0..20 {
        rig.waits_because(&job, "Dependency: ").await;
        assert_eq!(rig.cluster.starts_of(&job.marker), 0);
    }
    rig.adapter.cancel(&first).await.unwrap();
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Completed);
    assert_eq!(rig.cluster.starts_of(&job.marker), 1);
    let stored = rig.cluster.get("jobs", &Rig::name(&job)).unwrap();
    let queue = &stored["metadata"]["labels"]["kueue.x-k8s.io/queue-name"];
    assert_eq!(queue, "default");
}

/// Kueue is there, and neither the partition nor the namespace has a queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_job_without_any_queue_goes_without_kueue() {
    let rig = Rig::start().await;
    rig.cluster.install_kueue(4);
    let mut wide = rig.submission("exit 0");
    wide.work.resources.nodes = 2;
    let job = rig.submit(&wide).await;
    assert_eq!(rig.ended(&job).await.kind, OutcomeKind::Completed);
    assert_eq!(rig.cluster.starts_of(&job.marker), 2);
}
