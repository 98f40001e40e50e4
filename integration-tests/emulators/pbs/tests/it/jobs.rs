//! Arrays, dependencies, whole nodes, and what a job waits for.

use broker_model::{AfterWhen, ArraySpec, OutcomeKind};
use site_adapter::{Activity, LogStream, SiteAdapter as _, TaskCounts};

use crate::rig::{Rig, after};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_is_one_job_that_ends_as_its_tasks_did() {
    let rig = Rig::new();
    let mut submission = rig.submission(
        "echo task $ALCYONE_ARRAY_INDEX of $ALCYONE_ARRAY_SIZE; [ $ALCYONE_ARRAY_INDEX -lt 3 ] || exit $ALCYONE_ARRAY_INDEX",
    );
    submission.work.array = Some(ArraySpec {
        tasks: 5,
        at_once: Some(2),
    });
    let job = rig.submit(&submission).await;
    assert!(job.remote_id.0.contains("[]"), "{job:?}");
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(
        (outcome.kind, outcome.exit_code),
        (OutcomeKind::Failed, Some(3)),
        "{outcome:?}"
    );
    assert!(
        outcome.site_words.starts_with("2 of 5 tasks failed"),
        "{outcome:?}"
    );
    let told = rig.poll_one(&job).await.unwrap();
    let expected = TaskCounts {
        completed: 3,
        failed: 2,
        ..TaskCounts::default()
    };
    assert_eq!(told.tasks, Some(expected));
    let log = rig
        .adapter
        .read_log(&job, LogStream::Stdout, 0, 10_000)
        .await
        .unwrap();
    let mut lines: Vec<_> = std::str::from_utf8(&log).unwrap().lines().collect();
    lines.sort_unstable();
    let expected: Vec<String> = (0..5).map(|index| format!("task {index} of 5")).collect();
    assert_eq!(lines, expected);
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!(usage.nodes, 1);
    assert!(usage.elapsed_seconds.is_some());
    assert_eq!(rig.pbs.jobs(&submission.marker()).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_of_one_knows_its_number_too() {
    let rig = Rig::new();
    let mut submission = rig.submission("echo $ALCYONE_ARRAY_INDEX of $ALCYONE_ARRAY_SIZE");
    submission.work.array = Some(ArraySpec {
        tasks: 1,
        at_once: None,
    });
    let job = rig.submit(&submission).await;
    assert_eq!(
        rig.wait_until_ended(&job).await.kind,
        OutcomeKind::Completed
    );
    assert_eq!(rig.said(&job).await, "0 of 1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_array_is_cancelled_as_a_whole() {
    let rig = Rig::new();
    let mut submission = rig.submission("echo ran; sleep 600");
    submission.work.array = Some(ArraySpec {
        tasks: 4,
        at_once: Some(1),
    });
    let job = rig.submit(&submission).await;
    rig.said(&job).await;
    let told = rig.poll_one(&job).await.unwrap();
    let expected = TaskCounts {
        queued: 3,
        running: 1,
        ..TaskCounts::default()
    };
    assert_eq!(told.tasks, Some(expected));
    rig.adapter.cancel(&job).await.unwrap();
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    assert_eq!(rig.pbs.starts(&submission.marker()).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_waits_for_the_one_before_it() {
    let rig = Rig::new();
    let gate = rig.work_dir().join("gate");
    let script = format!("while [ ! -e '{}' ]; do sleep 0.1; done", gate.display());
    let first = rig.submit(&rig.submission(&script)).await;
    let mut second = rig.submission("echo ran");
    second.work.after = vec![after(&first, AfterWhen::Completed)];
    let second = rig.submit(&second).await;
    let told = rig.poll_one(&second).await.unwrap();
    let Activity::Queued { reason, .. } = told.activity else {
        panic!("{told:?}");
    };
    assert_eq!(reason.as_deref(), Some("Held: waits for another job"));
    std::fs::write(gate, "").unwrap();
    assert_eq!(
        rig.wait_until_ended(&first).await.kind,
        OutcomeKind::Completed
    );
    assert_eq!(
        rig.wait_until_ended(&second).await.kind,
        OutcomeKind::Completed
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_cannot_come_true_ends_the_job() {
    let rig = Rig::new();
    let first = rig.submit(&rig.submission("exit 3")).await;
    let mut never = rig.submission("echo ran");
    never.work.after = vec![after(&first, AfterWhen::Completed)];
    let never = rig.submit(&never).await;
    let mut anyway = rig.submission("echo ran");
    anyway.work.after = vec![after(&first, AfterWhen::Ended)];
    let anyway = rig.submit(&anyway).await;
    let mut on_failure = rig.submission("echo ran");
    on_failure.work.after = vec![after(&first, AfterWhen::Failed)];
    let on_failure = rig.submit(&on_failure).await;
    assert_eq!(
        rig.wait_until_ended(&never).await.kind,
        OutcomeKind::DependencyFailed
    );
    assert_eq!(
        rig.wait_until_ended(&anyway).await.kind,
        OutcomeKind::Completed
    );
    assert_eq!(
        rig.wait_until_ended(&on_failure).await.kind,
        OutcomeKind::Completed
    );
    assert_eq!(rig.adapter.usage(&never).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_can_never_run_says_so_and_can_be_cancelled() {
    let rig = Rig::new();
    let mut submission = rig.submission("exit 0");
    submission.work.resources.cpus_per_node = Some(64);
    let job = rig.submit(&submission).await;
    let told = rig.poll_one(&job).await.unwrap();
    let Activity::Queued { reason, .. } = told.activity else {
        panic!("{told:?}");
    };
    assert!(reason.unwrap().starts_with("Can Never Run: Insufficient"));
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(
        rig.wait_until_ended(&job).await.kind,
        OutcomeKind::Cancelled
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_is_missing_is_a_launch_failure() {
    let rig = Rig::new();
    let job = rig
        .submit(&rig.submission("#!/no/such/shell\nexit 0"))
        .await;
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    let log = rig
        .adapter
        .read_log(&job, LogStream::Stderr, 0, 1000)
        .await
        .unwrap();
    assert!(
        String::from_utf8(log)
            .unwrap()
            .contains("/no/such/shell is not on this node")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_node_is_taken_from_the_free_ones() {
    let rig = Rig::new();
    let mut submission = rig.submission("echo ran; sleep 600");
    submission.work.exclusive = true;
    submission.work.resources.nodes = 2;
    submission.work.resources.gpus_per_node = 1;
    let job = rig.submit(&submission).await;
    rig.said(&job).await;
    let snapshot = rig.adapter.snapshot().await.unwrap();
    let gpu = snapshot
        .partitions
        .iter()
        .find(|p| p.partition.as_str() == "gpu")
        .unwrap();
    assert_eq!((gpu.nodes_total, gpu.nodes_free, gpu.gpus_total), (2, 0, 8));
    assert_eq!(gpu.gpus[0].kind, "a100");
    assert_eq!(gpu.max_walltime_seconds, Some(3600));
    assert_eq!(gpu.jobs_running, 1);
    let limited = snapshot
        .partitions
        .iter()
        .find(|p| p.partition.as_str() == "limited")
        .unwrap();
    assert!(!limited.accepting);
    assert_eq!(limited.reason.as_deref(), Some("the queue is not started"));
    rig.adapter.cancel(&job).await.unwrap();
    rig.wait_until_ended(&job).await;
    let usage = rig.adapter.usage(&job).await.unwrap().unwrap();
    assert_eq!((usage.nodes, usage.scheduler_gpus), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_is_one_query_whatever_the_number_of_jobs() {
    let rig = Rig::new();
    let mut jobs = Vec::new();
    for _ in 0..30 {
        jobs.push(rig.submit(&rig.submission("sleep 600")).await);
    }
    let before = rig.pbs.calls().unwrap().len();
    assert_eq!(rig.adapter.poll(&jobs).await.unwrap().len(), 30);
    let calls = rig.pbs.calls().unwrap().split_off(before);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].starts_with("qstat -E -x -f -F json "), "{calls:?}");
    rig.adapter.cancel(&jobs[0]).await.unwrap();
    let deletes = rig
        .pbs
        .calls()
        .unwrap()
        .into_iter()
        .filter(|call| call.starts_with("qdel"));
    assert_eq!(
        deletes.collect::<Vec<_>>(),
        [format!("qdel {}", jobs[0].remote_id.0)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_do_not_answer_are_told_by_the_probe() {
    let rig = Rig::new();
    rig.pbs.switch("comm_down", "").unwrap();
    let nodes = rig
        .adapter
        .probe()
        .await
        .into_iter()
        .find(|probe| probe.subsystem == "nodes");
    assert!(
        nodes
            .unwrap()
            .problem
            .unwrap()
            .contains("state-unknown,down")
    );
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(
        (
            snapshot.partitions[0].nodes_drained,
            snapshot.partitions[0].gpus_free
        ),
        (2, 0)
    );
}

/// A user may put anything in their log's place; nothing waits for a pipe, and no link is followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_or_a_link_in_the_place_of_a_log_is_not_read() {
    let rig = Rig::new();
    let script = "out=$PWD/alcyone-$ALCYONE_ATTEMPT\nrm -f \"$out.out\" \"$out.err\"\nmkfifo \"$out.out\"\n\
                  ln -s /etc/passwd \"$out.err\"";
    let job = rig.submit(&rig.submission(script)).await;
    rig.wait_until_ended(&job).await;
    let began = std::time::Instant::now();
    let read = |stream| rig.adapter.read_log(&job, stream, 0, 1000);
    assert!(
        read(LogStream::Stdout)
            .await
            .is_ok_and(|log| log.is_empty())
    );
    assert!(read(LogStream::Stderr).await.is_err());
    assert!(began.elapsed().as_secs() < 5);
}

/// What waits and runs in a queue, in node-seconds, and when the scheduler expects to start it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_tells_the_backlog_and_the_forecast_of_a_queue() {
    let rig = Rig::new();
    let mut running = rig.submission("echo ran; sleep 600");
    running.work.resources.nodes = 2;
    running.work.exclusive = true;
    let running = rig.submit(&running).await;
    rig.said(&running).await;
    let mut array = rig.submission("exit 0");
    array.work.array = Some(ArraySpec {
        tasks: 3,
        at_once: None,
    });
    let waits = rig.submit(&array).await;
    let partition = async |name: &str| {
        let snapshot = rig.adapter.snapshot().await.unwrap();
        let told = snapshot.partitions.into_iter();
        let mut named = told.filter(|told| told.partition.as_str() == name);
        named.next().unwrap()
    };
    let gpu = partition("gpu").await;
    // 300 s each: two nodes that have just begun, and three tasks.
    assert_eq!(gpu.backlog_node_seconds, Some(5 * 300));
    assert_eq!(gpu.expected_start, None);
    assert_eq!(partition("work").await.backlog_node_seconds, Some(0));

    let start = broker_model::Clock::now(&broker_model::SystemClock).as_second() + 5000;
    rig.pbs.switch("forecast", &start.to_string()).unwrap();
    rig.poll_one(&waits).await.unwrap();
    let gpu = partition("gpu").await;
    assert_eq!(
        gpu.expected_start.map(jiff::Timestamp::as_second),
        Some(start)
    );
    rig.adapter.poll(&[]).await.unwrap();
    assert_eq!(partition("gpu").await.expected_start, None);

    // A reader that is not shown everybody's jobs cannot add them up.
    let private = Rig::new();
    private.pbs.switch("private", "").unwrap();
    let snapshot = private.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.partitions[0].backlog_node_seconds, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_that_is_switched_off_is_told_by_the_probe() {
    let rig = Rig::new();
    rig.pbs.switch("not_scheduling", "").unwrap();
    let probes = rig.adapter.probe().await;
    let scheduler = probes.iter().find(|probe| probe.subsystem == "scheduler");
    let problem = scheduler.unwrap().problem.as_ref().unwrap();
    assert!(problem.contains("scheduling is switched off"), "{problem}");
}
