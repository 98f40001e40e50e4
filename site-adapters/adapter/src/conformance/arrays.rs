use std::collections::BTreeSet;

use broker_model::{ArraySpec, OutcomeKind};

use super::{Condition, Site};
use crate::{Activity, LogStream, RemoteRef, Submission, TaskCounts};

impl Site<'_> {
    fn array(&self, tasks: u32, at_once: Option<u32>, script: &str) -> Submission {
        let mut submission = self.submission(script);
        submission.work.array = Some(ArraySpec { tasks, at_once });
        submission
    }

    /// The counts of a job's tasks as it is polled now.
    async fn tasks(&self, job: &RemoteRef) -> TaskCounts {
        let told = self.poll_one(job).await.unwrap();
        told.tasks
            .unwrap_or_else(|| panic!("an array without its tasks: {told:?}"))
    }
}

/// What was read of a log while the tasks ran stays as it was, whichever of them wrote.
pub async fn every_task_of_an_array_runs_once_with_its_index(site: &Site<'_>) {
    if !site.can(Condition::Arrays) {
        return;
    }
    let script = "sleep 1\necho \"$ALCYONE_ARRAY_INDEX of $ALCYONE_ARRAY_SIZE\"";
    let mut submission = site.array(4, None, script);
    let job = site.submit(&submission).await;
    let mut read = Vec::new();
    let outcome = site
        .wait_for("the array ends", async || {
            let log = site.adapter.read_log(&job, LogStream::Stdout, 0, 1 << 20);
            let log = log.await.unwrap();
            assert!(log.starts_with(&read), "a log changed where it was read");
            read = log;
            match site.poll_one(&job).await?.activity {
                Activity::Ended { outcome, .. } => Some(outcome),
                Activity::Queued { .. } | Activity::Running { .. } | Activity::Unknown => None,
            }
        })
        .await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let log = site
        .whole_log(&job, LogStream::Stdout, "0 of 4\n".len() * 4)
        .await;
    let log = String::from_utf8(log).unwrap();
    let lines: BTreeSet<&str> = log.lines().collect();
    assert_eq!(
        lines,
        BTreeSet::from(["0 of 4", "1 of 4", "2 of 4", "3 of 4"])
    );
    assert_eq!(log.lines().count(), 4, "{log}");
    let completed = TaskCounts {
        completed: 4,
        ..TaskCounts::default()
    };
    assert_eq!(site.tasks(&job).await, completed);
    submission.may_exist = true;
    let again = site.adapter.submit(&submission).await.unwrap();
    assert!(again.adopted, "a second submit made a second array");
    assert_eq!(again.remote_id, job.remote_id);
}

pub async fn an_array_ends_as_its_failing_tasks_do(site: &Site<'_>) {
    if !site.can(Condition::Arrays) {
        return;
    }
    let script = "[ \"$ALCYONE_ARRAY_INDEX\" != 1 ] || exit 3";
    let (job, outcome) = site.run(&site.array(3, None, script)).await;
    assert_eq!(outcome.kind, OutcomeKind::Failed, "{outcome:?}");
    assert_eq!(outcome.exit_code, Some(3), "{outcome:?}");
    assert!(
        outcome.site_words.starts_with("1 of 3 tasks failed"),
        "{outcome:?}"
    );
    let tasks = site.tasks(&job).await;
    assert_eq!((tasks.completed, tasks.failed), (2, 1), "{tasks:?}");
    assert_eq!((tasks.queued, tasks.running), (0, 0), "{tasks:?}");
}

/// The tasks' run times add up, and the rest of the record is of one task.
pub async fn an_array_runs_as_many_tasks_at_once_as_it_may_and_is_metered_by_task(site: &Site<'_>) {
    if !site.can(Condition::Arrays) {
        return;
    }
    let script = "began=$(date +%s); sleep 2; echo \"$began $(date +%s)\"";
    let (job, outcome) = site.run(&site.array(3, Some(1), script)).await;
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    let log = site.whole_log(&job, LogStream::Stdout, 22 * 3).await;
    let log = String::from_utf8(log).unwrap();
    let mut spans: Vec<(i64, i64)> = log
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(began, ended)| (began.parse().unwrap(), ended.parse().unwrap()))
        .collect();
    spans.sort_unstable();
    assert_eq!(spans.len(), 3, "{log}");
    let apart = spans
        .iter()
        .zip(spans.iter().skip(1))
        .all(|(one, next)| one.1 <= next.0);
    assert!(apart, "two ran at once: {spans:?}");
    let usage = site.usage_of(&job).await;
    let elapsed = usage.elapsed_seconds.unwrap();
    assert!((6..60).contains(&elapsed), "three tasks of 2 s: {usage:?}");
    assert_eq!(usage.nodes, 1, "{usage:?}");
}

pub async fn an_array_is_cancelled_as_a_whole(site: &Site<'_>) {
    if !site.can(Condition::Arrays) {
        return;
    }
    let job = site.submit(&site.array(3, Some(1), "exec sleep 600")).await;
    site.wait_until_running(&job).await;
    let tasks = site.tasks(&job).await;
    assert_eq!((tasks.queued, tasks.running), (2, 1), "{tasks:?}");
    site.adapter.cancel(&job).await.unwrap();
    let outcome = site.wait_until_ended(&job).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    let tasks = site.tasks(&job).await;
    assert_eq!(
        (tasks.queued, tasks.running, tasks.completed),
        (0, 0, 0),
        "{tasks:?}"
    );
}
