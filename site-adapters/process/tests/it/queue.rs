use std::sync::Arc;

use broker_model::{OutcomeKind, Walltime};
use site_adapter::{Activity, ErrorKind, RemoteRef, SiteAdapter as _};
use site_adapter_process::Config;

use crate::rig::{Rig, activity, completed, ended, running, wait_for};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_running_jobs_never_share_a_gpu() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    // `mkdir` fails where another job has the folder of the same GPU.
    let script = format!(
        "cd '{}' || exit 8\n\
         [ \"$ALCYONE_GPUS\" = \"$CUDA_VISIBLE_DEVICES\" ] || exit 7\n\
         IFS=,; set -- $ALCYONE_GPUS; [ $# = 3 ] || exit 6\n\
         for gpu; do mkdir \"gpu-$gpu\" || exit 9; done\n\
         sleep 0.02\n\
         for gpu; do rmdir \"gpu-$gpu\" || exit 5; done",
        rig.scratch().display()
    );
    let mut jobs = Vec::new();
    for _ in 0..12 {
        let mut submission = rig.submission(&script);
        submission.work.resources.gpus_per_node = 3;
        jobs.push(rig.submit(&adapter, &submission).await);
    }
    let offer = adapter.snapshot().await.unwrap().partitions.remove(0);
    assert!(offer.jobs_queued > 0, "more was asked than there is");
    for job in &jobs {
        completed(&adapter, job).await;
    }
    let offer = adapter.snapshot().await.unwrap().partitions.remove(0);
    assert_eq!((offer.gpus_free, offer.jobs_running), (8, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_come_is_first_served() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let blocker = rig.exclusive(&rig.gated("exit 0"));
    let blocker = rig.submit(&adapter, &blocker).await;
    running(&adapter, &blocker).await;
    let mut jobs = Vec::new();
    for word in ["a", "b", "c", "d"] {
        let submission = rig.exclusive(&rig.tracing(word));
        jobs.push(rig.submit(&adapter, &submission).await);
    }
    let waits = activity(&adapter, &jobs[0]).await;
    assert!(
        matches!(&waits, Activity::Queued { reason: Some(reason), .. } if reason == "Resources"),
        "{waits:?}"
    );
    rig.open_gate();
    for job in &jobs {
        completed(&adapter, job).await;
    }
    assert_eq!(rig.trace(), "a\nb\nc\nd\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_keeps_its_order_over_a_restart() {
    let rig = Rig::new();
    let idle = rig.open_with(|config| config.max_running = 0).await;
    for word in ["a", "b", "c"] {
        rig.submit(&idle, &rig.exclusive(&rig.tracing(word))).await;
    }
    rig.leave(idle).await;
    let adapter = rig.open().await;
    wait_for("all three ran", async || {
        (rig.trace().lines().count() == 3).then_some(())
    })
    .await;
    assert_eq!(rig.trace(), "a\nb\nc\n");
    drop(adapter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_cancelled_in_the_queue_never_starts_and_costs_nothing() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let blocker = rig.exclusive(&rig.gated("exit 0"));
    let blocker = rig.submit(&adapter, &blocker).await;
    let waiting = rig.exclusive(&rig.tracing("ran"));
    let waiting = rig.submit(&adapter, &waiting).await;
    adapter.cancel(&waiting).await.unwrap();
    adapter.cancel(&waiting).await.unwrap();
    let told = activity(&adapter, &waiting).await;
    let Activity::Ended {
        started_at,
        outcome,
        ..
    } = told
    else {
        panic!("{told:?}");
    };
    assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    assert_eq!(started_at, None);
    assert_eq!(adapter.usage(&waiting).await.unwrap(), None);
    rig.open_gate();
    completed(&adapter, &blocker).await;
    assert_eq!(rig.trace(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_run_is_refused_in_words() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let base = rig.submission("exit 0");
    let mut gpus = base.clone();
    gpus.work.resources.gpus_per_node = 5;
    let mut nodes = base.clone();
    nodes.work.resources.nodes = 3;
    let mut walltime = base.clone();
    walltime.work.resources.walltime = Walltime::from_seconds(3601).unwrap();
    let mut elsewhere = base.clone();
    elsewhere.work.partition.partition = "other".parse().unwrap();
    let mut image = base.clone();
    image.work.image = Some("docker://example.org/train:cuda".to_owned());
    let mut long = base.clone();
    long.work.script = format!("#!/bin/sh -{}\nexit 0", "e".repeat(200_000));
    let mut nul = base.clone();
    nul.work.script = "#!/bin/sh\0\nexit 0".to_owned();
    for (submission, words) in [
        (gpus, "asks for 5 GPUs per node, the partition has 4"),
        (nodes, "asks for 3 nodes, the partition has 2"),
        (walltime, "asks for 3601 seconds of walltime"),
        (elsewhere, "here/desk/other is not a partition"),
        (image, "`apptainer` is not on the site's path"),
        (long, "`#!` line has 200011 bytes, the system takes 255"),
        (nul, "NUL"),
    ] {
        let error = adapter.submit(&submission).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        assert!(error.message.contains(words), "{error}");
        let found = adapter.find(&rig.account, &submission.marker()).await;
        assert_eq!(found.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_system_can_never_start_ends() {
    let rig = Rig::new();
    let too_much = |config: &mut Config| {
        let value = "x".repeat(200_000);
        config.environment.insert("TOO_MUCH".to_owned(), value);
    };
    let adapter = rig.open_with(too_much).await;
    let job = rig.submit(&adapter, &rig.submission("exit 0")).await;
    let outcome = ended(&adapter, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed);
    assert!(outcome.site_words.contains("too long"), "{outcome:?}");
    assert_eq!(adapter.usage(&job).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_cannot_be_started_yet_holds_up_no_other_partition() {
    let rig = Rig::new();
    let one_at_a_time = |config: &mut Config| {
        config.max_running = 1;
        let mut other = config.partitions[0].clone();
        other.partition = "other".parse().unwrap();
        config.partitions.push(other);
    };
    let adapter = rig.open_with(one_at_a_time).await;
    let blocker = rig
        .submit(&adapter, &rig.submission(&rig.gated("exit 0")))
        .await;
    running(&adapter, &blocker).await;
    let stuck = rig.submit(&adapter, &rig.submission("exit 0")).await;
    let mut elsewhere = rig.submission("exit 0");
    elsewhere.work.partition.partition = "other".parse().unwrap();
    let elsewhere = rig.submit(&adapter, &elsewhere).await;
    // Its grant cannot be written while a folder is in the way.
    let in_the_way = rig.folder("live", &stuck).join("grant.json.new");
    std::fs::create_dir(&in_the_way).unwrap();
    rig.open_gate();
    completed(&adapter, &elsewhere).await;
    assert!(matches!(
        activity(&adapter, &stuck).await,
        Activity::Queued { .. }
    ));
    std::fs::remove_dir(&in_the_way).unwrap();
    completed(&adapter, &stuck).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_attempt_submitted_by_many_at_once_runs_once() {
    let rig = Rig::new();
    let adapter = Arc::new(rig.open().await);
    let submission = rig.submission(&rig.tracing("ran"));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (adapter, submission) = (Arc::clone(&adapter), submission.clone());
        calls.spawn(async move { adapter.submit(&submission).await.unwrap() });
    }
    let answers = calls.join_all().await;
    let fresh = answers.iter().filter(|answer| !answer.adopted).count();
    assert_eq!(fresh, 1);
    let submitted_at = answers[0].submitted_at;
    assert!(answers.iter().all(|a| a.submitted_at == submitted_at));
    let job = rig.submit(&adapter, &submission).await;
    completed(&adapter, &job).await;
    assert_eq!(rig.trace(), "ran\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_quick_jobs_complete() {
    let rig = Rig::new();
    let adapter = Arc::new(rig.open().await);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let adapter = Arc::clone(&adapter);
        let submission = rig.submission("exit 0");
        let account = rig.account.clone();
        calls.spawn(async move {
            let submitted = adapter.submit(&submission).await.unwrap();
            RemoteRef {
                marker: submission.marker(),
                remote_id: submitted.remote_id,
                submitted_at: submitted.submitted_at,
                account,
            }
        });
    }
    let jobs = calls.join_all().await;
    for job in &jobs {
        let outcome = ended(&adapter, job).await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    }
    let offer = adapter.snapshot().await.unwrap().partitions.remove(0);
    assert_eq!((offer.jobs_running, offer.jobs_queued), (0, 0));
    assert_eq!((offer.nodes_free, offer.backlog_node_seconds), (2, Some(0)));
    wait_for("no process is left", async || {
        rig.processes().is_empty().then_some(())
    })
    .await;
}
