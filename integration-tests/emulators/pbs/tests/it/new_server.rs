//! A server as it is after it was installed: it keeps no history, and nobody has made `ngpus`.

use broker_model::{AfterWhen, ArraySpec, OutcomeKind};
use site_adapter::{Activity, ErrorKind, SiteAdapter as _, TaskCounts, conformance};

use crate::rig::{Rig, after, reference};

fn new_server() -> Rig {
    let rig = Rig::open();
    rig.pbs.switch("history_off", "").unwrap();
    rig.pbs.switch("no_gpus", "").unwrap();
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_the_contract_with_a_new_server() {
    let rig = new_server();
    let site = rig.forgetful_site("gpu");
    conformance::a_job_runs_to_its_end(&site).await;
    conformance::the_same_attempt_submitted_twice_runs_once(&site).await;
    conformance::an_exit_code_is_told(&site).await;
    conformance::many_jobs_are_polled_at_once(&site).await;
    conformance::usage_is_told_after_the_end_and_not_before(&site).await;
    conformance::a_cancelled_job_ends_cancelled(&site).await;
    conformance::a_job_waits_for_the_one_before_it(&site).await;
    conformance::a_job_after_one_that_failed_runs_only_if_it_waits_for_that(&site).await;
    conformance::every_task_of_an_array_runs_once_with_its_index(&site).await;
    conformance::an_array_ends_as_its_failing_tasks_do(&site).await;
    conformance::an_array_runs_as_many_tasks_at_once_as_it_may_and_is_metered_by_task(&site).await;
    // Nobody has told it of accelerators yet.
    let without = conformance::Site {
        gpus_per_node: 0,
        ..rig.forgetful_site("gpu")
    };
    conformance::the_snapshot_lists_the_partition(&without).await;
}

/// All that is over is missing from the server's answer; nobody asks for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_that_pbs_forgot_are_known_by_their_records_in_one_tick() {
    let rig = new_server();
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(rig.submit(&rig.submission("exit 3")).await);
    }
    rig.wait_for("all have ended and one tick tells", async || {
        let told = rig.adapter.poll(&jobs).await.unwrap();
        let ended = told
            .iter()
            .filter(|job| matches!(job.activity, Activity::Ended { .. }));
        (ended.count() == 20).then_some(())
    })
    .await;
    let before = rig.pbs.calls().unwrap().len();
    assert_eq!(rig.adapter.poll(&jobs).await.unwrap().len(), 20);
    let calls = rig.pbs.calls().unwrap().split_off(before);
    assert_eq!(calls.len(), 1, "{calls:?}");
}

/// "Unknown resource: ngpus" to a job that asks for none: it is asked again without, and remembered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_accelerators_takes_jobs_that_want_none() {
    let rig = new_server();
    for _ in 0..2 {
        rig.submit(&rig.submission("exit 0")).await;
    }
    let calls = rig.pbs.calls().unwrap();
    let submits: Vec<_> = calls
        .iter()
        .filter(|call| call.starts_with("qsub"))
        .collect();
    let named: Vec<bool> = submits.iter().map(|call| call.contains("ngpus")).collect();
    assert_eq!(named, [true, false, false], "{submits:?}");
    let mut wants_one = rig.submission("exit 0");
    wants_one.work.resources.gpus_per_node = 1;
    let error = rig.adapter.submit(&wants_one).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert!(error.message.contains("Unknown resource: ngpus"), "{error}");
    let snapshot = rig.adapter.snapshot().await.unwrap();
    assert_eq!(snapshot.partitions[0].gpus_total, 0);
    assert!(snapshot.partitions[0].gpus.is_empty());
}

/// An array that is over is gone without a word of PBS's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_that_pbs_forgot_is_known_by_its_tasks_and_not_run_again() {
    let rig = new_server();
    let mut submission = rig.submission("echo ran; exit $ALCYONE_ARRAY_INDEX");
    submission.work.array = Some(ArraySpec {
        tasks: 3,
        at_once: None,
    });
    let job = rig.submit(&submission).await;
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    let told = rig.poll_one(&job).await.unwrap();
    let counts = TaskCounts {
        completed: 1,
        failed: 2,
        ..TaskCounts::default()
    };
    assert_eq!(told.tasks, Some(counts));
    assert!(rig.adapter.usage(&job).await.unwrap().is_some());
    submission.may_exist = true;
    let again = rig.adapter.submit(&submission).await.unwrap();
    assert!(again.adopted);
    let again = reference(&submission, &again);
    assert_eq!(again.remote_id, job.remote_id);
    assert_eq!(rig.pbs.jobs(&submission.marker()).unwrap(), 1);
}

/// Deleted before its turn, it leaves no trace at all; what never began is found nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_job_that_was_cancelled_is_found_nowhere() {
    let rig = new_server();
    let mut submission = rig.submission("echo ran");
    submission.work.resources.cpus_per_node = Some(64);
    let job = rig.submit(&submission).await;
    let told = rig.poll_one(&job).await.unwrap();
    assert!(matches!(told.activity, Activity::Queued { .. }), "{told:?}");
    rig.adapter.cancel(&job).await.unwrap();
    assert_eq!(rig.poll_one(&job).await, None);
    let found = rig.adapter.find(&rig.account(), &job.marker).await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(rig.adapter.usage(&job).await.unwrap(), None);
}

/// With a history their ends are an exit status of 271 and of 254; without, they are noted down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_known_whatever_the_code_makes_of_sigterm() {
    let rig = new_server();
    for trap in ["''", "'exit 0'", "'exit 7'"] {
        let script = format!("trap {trap} TERM; echo ran; while :; do sleep 0.1; done");
        let job = rig.submit(&rig.submission(&script)).await;
        rig.said(&job).await;
        rig.wait_until_running(&job).await;
        rig.adapter.cancel(&job).await.unwrap();
        let outcome = rig.wait_until_ended(&job).await;
        assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{trap}: {outcome:?}");
        let found = rig.adapter.find(&rig.account(), &job.marker).await.unwrap();
        let Activity::Ended { outcome, .. } = found.unwrap().activity else {
            panic!("it is over");
        };
        assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{trap}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_ended_before_their_array_was_cancelled_keep_their_ends() {
    let rig = new_server();
    let mut submission = rig.submission(
        "trap 'exit 0' TERM; echo ran; [ $ALCYONE_ARRAY_INDEX = 0 ] || while :; do sleep 0.1; done",
    );
    submission.work.array = Some(ArraySpec {
        tasks: 3,
        at_once: Some(1),
    });
    let job = rig.submit(&submission).await;
    let second = rig
        .work_dir()
        .join(format!("alcyone-{}.tasks/1", job.marker));
    rig.wait_for("the second task runs", async || {
        second.exists().then_some(())
    })
    .await;
    // The note's time is in seconds, and so is the first task's end.
    rig.wait_for_the_next_second().await;
    rig.adapter.cancel(&job).await.unwrap();
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    let counts = rig.poll_one(&job).await.unwrap().tasks.unwrap();
    assert_eq!((counts.completed, counts.failed), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_that_is_missing_is_a_launch_failure_without_history_too() {
    let rig = new_server();
    let script = "#!/no/such/shell\nexit 0";
    let job = rig.submit(&rig.submission(script)).await;
    let outcome = rig.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::LaunchFailed, "{outcome:?}");
    assert_eq!(outcome.exit_code, None);
}

/// PBS takes a job that waits for a forgotten one, and removes it at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_after_one_that_pbs_forgot_is_decided_by_its_record() {
    let rig = new_server();
    let (good, bad) = (rig.submission("exit 0"), rig.submission("exit 3"));
    let (good, bad) = (rig.submit(&good).await, rig.submit(&bad).await);
    rig.wait_until_ended(&good).await;
    rig.wait_until_ended(&bad).await;
    for (before, when) in [
        (&good, AfterWhen::Completed),
        (&bad, AfterWhen::Failed),
        (&bad, AfterWhen::Ended),
    ] {
        let mut met = rig.submission("exit 0");
        met.work.after = vec![after(before, when)];
        let met = rig.submit(&met).await;
        let outcome = rig.wait_until_ended(&met).await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{when:?} {outcome:?}");
    }
    for (before, when) in [(&bad, AfterWhen::Completed), (&good, AfterWhen::Failed)] {
        let mut never = rig.submission("exit 0");
        never.work.after = vec![after(before, when)];
        let error = rig.adapter.submit(&never).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        let words = format!("it waits for job {} to be", before.remote_id.0);
        assert!(error.message.starts_with(&words), "{error}");
        assert_eq!(rig.pbs.jobs(&never.marker()).unwrap(), 0);
    }
}

/// It may be another person's, whose record is not ours to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_after_one_that_left_no_trace_is_not_sent_to_its_end() {
    let rig = new_server();
    let job = rig.submit(&rig.submission("exit 0")).await;
    rig.wait_until_ended(&job).await;
    let record = format!("alcyone-{}.job", job.marker);
    std::fs::remove_file(rig.work_dir().join(record)).unwrap();
    let mut next = rig.submission("exit 0");
    next.work.after = vec![after(&job, AfterWhen::Completed)];
    let error = rig.adapter.submit(&next).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("no record tells"), "{error}");
    next.work.after = vec![after(&job, AfterWhen::Ended)];
    rig.submit(&next).await;
}

/// Held for another, it is removed when that one ends otherwise; who cancelled it knows why it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_job_that_pbs_removed_ended_with_the_one_before_it() {
    removed_with_the_one_before_it(&new_server()).await;
}

/// There, a removal by PBS looks like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accounting_log_does_not_make_a_cancel_of_a_held_job_that_pbs_removed() {
    let rig = Rig::with(|settings, folder| {
        settings.accounting_dir = Some(folder.join("pbs/accounting"));
    });
    rig.pbs.switch("history_off", "").unwrap();
    removed_with_the_one_before_it(&rig).await;
}

async fn removed_with_the_one_before_it(rig: &Rig) {
    let gate = rig.work_dir().join("gate");
    let script = format!(
        "while [ ! -e '{}' ]; do sleep 0.1; done; exit 3",
        gate.display()
    );
    let first = rig.submit(&rig.submission(&script)).await;
    let held = async || {
        let mut held = rig.submission("exit 0");
        held.work.after = vec![after(&first, AfterWhen::Completed)];
        rig.submit(&held).await
    };
    let (removed, cancelled) = (held().await, held().await);
    rig.adapter.cancel(&cancelled).await.unwrap();
    std::fs::write(gate, "").unwrap();
    rig.wait_until_ended(&first).await;
    // An agent that was started anew knows as much.
    let told = rig.again().poll(&[removed.clone(), cancelled]).await;
    let told = told.unwrap().into_iter();
    let mut failed = told.filter_map(|told| match told.activity {
        Activity::Ended { outcome, .. } if outcome.kind != OutcomeKind::Cancelled => {
            Some((told.marker, outcome))
        }
        _ => None,
    });
    let (marker, outcome) = failed.next().unwrap();
    assert_eq!((marker, failed.next()), (removed.marker, None));
    assert_eq!(outcome.kind, OutcomeKind::DependencyFailed, "{outcome:?}");
    let words = format!("it waits for job {} to be completed", first.remote_id.0);
    assert!(outcome.site_words.starts_with(&words), "{outcome:?}");
}

/// The history begins empty, and says of what ended before that there never was such a job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_is_switched_on_makes_nothing_run_again() {
    let rig = new_server();
    let mut submission = rig.submission("echo ran");
    submission.work.restartable = true;
    let job = rig.submit(&submission).await;
    rig.wait_until_ended(&job).await;
    rig.pbs.clear("history_off").unwrap();
    let adapter = rig.again();
    let told = adapter.poll(std::slice::from_ref(&job)).await.unwrap();
    let found = adapter.find(&rig.account(), &job.marker).await.unwrap();
    for told in [told.first(), found.as_ref()] {
        let Some(Activity::Ended { outcome, .. }) = told.map(|told| &told.activity) else {
            panic!("{told:?}");
        };
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    }
    submission.may_exist = true;
    let again = adapter.submit(&submission).await.unwrap();
    assert!(again.adopted);
    assert_eq!(rig.pbs.starts(&submission.marker()).unwrap(), 1);
}

/// Two agents with one attempt: the job that stood back is over, and the other runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_stood_back_and_was_forgotten_does_not_end_the_other() {
    let rig = new_server();
    let submission = rig.submission("echo ran; sleep 600");
    let first = rig.submit(&submission).await;
    rig.said(&first).await;
    let second = rig.submit(&submission).await;
    rig.wait_for("the second stands back", async || {
        rig.poll_one(&second).await.is_none().then_some(())
    })
    .await;
    let found = rig.adapter.find(&rig.account(), &first.marker).await;
    assert_eq!(found.unwrap().unwrap().remote_id, first.remote_id);
    rig.wait_until_running(&first).await;
}
