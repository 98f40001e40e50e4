use broker_model::{AfterWhen, ArraySpec, OutcomeKind};
use site_adapter::{Activity, RemoteAfter, RemoteRef, SiteAdapter as _, Submission, TaskCounts};

use crate::rig::{Rig, activity, completed, ended, running, wait_for};

fn array(rig: &Rig, tasks: u32, at_once: Option<u32>, script: &str) -> Submission {
    let mut submission = rig.submission(script);
    submission.work.array = Some(ArraySpec { tasks, at_once });
    submission
}

fn after(rig: &Rig, first: &RemoteRef, script: &str) -> Submission {
    let mut submission = rig.submission(script);
    submission.work.after = vec![RemoteAfter {
        marker: first.marker.clone(),
        remote: first.remote_id.clone(),
        when: AfterWhen::Completed,
    }];
    submission
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_goes_on_after_a_restart_and_no_task_runs_twice() {
    let rig = Rig::new();
    let first = rig.open().await;
    let script = format!(
        "echo $ALCYONE_ARRAY_INDEX >> '{}'\n{}",
        rig.file("trace").display(),
        rig.gated("[ $ALCYONE_ARRAY_INDEX != 4 ]")
    );
    let job = rig.submit(&first, &array(&rig, 6, Some(2), &script)).await;
    let started_at = running(&first, &job).await;
    wait_for("two tasks run", async || {
        (rig.trace().lines().count() == 2).then_some(())
    })
    .await;
    rig.leave(first).await;

    let second = rig.open().await;
    assert_eq!(
        activity(&second, &job).await,
        Activity::Running { started_at }
    );
    rig.open_gate();
    let outcome = ended(&second, &job).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert!(
        outcome.site_words.starts_with("1 of 6 tasks failed: 4 "),
        "{outcome:?}"
    );
    let mut ran: Vec<String> = rig.trace().lines().map(str::to_owned).collect();
    ran.sort();
    assert_eq!(ran, ["0", "1", "2", "3", "4", "5"]);
    rig.leave(second).await;

    let third = rig.open().await;
    assert_eq!(ended(&third, &job).await, outcome);
    let told = third.poll(std::slice::from_ref(&job)).await.unwrap();
    let tasks = TaskCounts {
        completed: 5,
        failed: 1,
        ..TaskCounts::default()
    };
    assert_eq!(told[0].tasks, Some(tasks));
    let usage = third.usage(&job).await.unwrap().unwrap();
    assert_eq!((usage.nodes, usage.elapsed_seconds.is_some()), (1, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_that_runs_as_many_tasks_as_it_may_holds_up_nobody() {
    let rig = Rig::new();
    let adapter = rig.open().await;
    let many = rig
        .submit(&adapter, &array(&rig, 50, Some(1), &rig.gated("exit 0")))
        .await;
    running(&adapter, &many).await;
    let other = rig.submit(&adapter, &rig.submission("exit 0")).await;
    completed(&adapter, &other).await;
    let offer = adapter.snapshot().await.unwrap().partitions.remove(0);
    assert_eq!((offer.jobs_running, offer.jobs_queued), (1, 49));
    adapter.cancel(&many).await.unwrap();
    assert_eq!(ended(&adapter, &many).await.kind, OutcomeKind::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_for_another_still_does_after_a_restart() {
    let rig = Rig::new();
    let first = rig.open().await;
    let one = rig
        .submit(&first, &rig.submission(&rig.gated("exit 0")))
        .await;
    let two = rig.submit(&first, &after(&rig, &one, "exit 1")).await;
    let three = rig.submit(&first, &after(&rig, &two, "exit 0")).await;
    let four = rig.submit(&first, &after(&rig, &three, "exit 0")).await;
    running(&first, &one).await;
    rig.leave(first).await;

    let second = rig.open().await;
    let waits = activity(&second, &two).await;
    assert!(
        matches!(&waits, Activity::Queued { reason: Some(reason), .. } if reason == "Dependency"),
        "{waits:?}"
    );
    rig.open_gate();
    assert_eq!(ended(&second, &two).await.kind, OutcomeKind::Failed);
    for never in [&three, &four] {
        let outcome = ended(&second, never).await;
        assert_eq!(outcome.kind, OutcomeKind::DependencyFailed, "{outcome:?}");
    }
}
