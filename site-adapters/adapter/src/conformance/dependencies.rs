use broker_model::{AfterWhen, ArraySpec, OutcomeKind};
use jiff::{SignedDuration, Timestamp};

use super::{Condition, Site};
use crate::{Activity, RemoteAfter, RemoteRef, Submission};

/// Linux tells when a process started in hundredths of a second, rounded down; ends are told by another clock.
const TICK: SignedDuration = SignedDuration::from_millis(10);

impl Site<'_> {
    /// A job that waits for another.
    fn after(&self, first: &RemoteRef, when: AfterWhen, script: &str) -> Submission {
        let mut submission = self.submission(script);
        submission.work.after = vec![RemoteAfter {
            marker: first.marker.clone(),
            remote: first.remote_id.clone(),
            when,
        }];
        submission
    }

    async fn span(&self, job: &RemoteRef) -> (Option<Timestamp>, Timestamp) {
        match self.poll_one(job).await.unwrap().activity {
            Activity::Ended {
                started_at,
                ended_at,
                ..
            } => (started_at, ended_at),
            other => panic!("an ended job is told as {other:?}"),
        }
    }

    async fn expect_to_run_after(&self, second: &RemoteRef, first: &RemoteRef) {
        let outcome = self.wait_until_ended(second).await;
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
        let (first, second) = (self.span(first).await, self.span(second).await);
        assert!(
            second.0.unwrap() + TICK >= first.1,
            "{second:?} is not after {first:?}"
        );
    }

    async fn expect_never_to_run(&self, second: &RemoteRef) {
        let outcome = self.wait_until_ended(second).await;
        assert_eq!(outcome.kind, OutcomeKind::DependencyFailed, "{outcome:?}");
        assert_eq!(self.span(second).await.0, None, "it ran");
        assert_eq!(self.adapter.usage(second).await.unwrap(), None);
    }
}

pub async fn a_job_waits_for_the_one_before_it(site: &Site<'_>) {
    if !site.can(Condition::Dependencies) {
        return;
    }
    let first = site.submit(&site.submission("sleep 4")).await;
    let submission = site.after(&first, AfterWhen::Completed, "exit 0");
    let second = site.submit(&submission).await;
    let never = site.after(&first, AfterWhen::Failed, "exit 0");
    let never = site.submit(&never).await;
    site.wait_until_running(&first).await;
    let waits = site.poll_one(&second).await.unwrap().activity;
    assert!(
        matches!(
            waits,
            Activity::Queued {
                reason: Some(_),
                ..
            }
        ),
        "{waits:?}"
    );
    site.expect_to_run_after(&second, &first).await;
    site.expect_never_to_run(&never).await;
}

pub async fn a_job_after_one_that_failed_runs_only_if_it_waits_for_that(site: &Site<'_>) {
    if !site.can(Condition::Dependencies) {
        return;
    }
    let first = site.submit(&site.submission("sleep 2; exit 1")).await;
    let second = site
        .submit(&site.after(&first, AfterWhen::Completed, "exit 0"))
        .await;
    let failed = site
        .submit(&site.after(&first, AfterWhen::Failed, "exit 0"))
        .await;
    let ended = site
        .submit(&site.after(&first, AfterWhen::Ended, "exit 0"))
        .await;
    site.expect_never_to_run(&second).await;
    site.expect_to_run_after(&failed, &first).await;
    site.expect_to_run_after(&ended, &first).await;
}

/// Between the broker's look and the submission the first may end, and be forgotten.
pub async fn a_job_after_one_that_has_ended_is_decided_at_once(site: &Site<'_>) {
    if !site.can(Condition::Dependencies) {
        return;
    }
    let good = site.complete("exit 0").await;
    let (bad, _) = site.run(&site.submission("exit 1")).await;
    let runs = site
        .submit(&site.after(&good, AfterWhen::Completed, "exit 0"))
        .await;
    let never = site
        .submit(&site.after(&bad, AfterWhen::Completed, "exit 0"))
        .await;
    let ended = site
        .submit(&site.after(&bad, AfterWhen::Ended, "exit 0"))
        .await;
    site.expect_to_run_after(&runs, &good).await;
    site.expect_never_to_run(&never).await;
    site.expect_to_run_after(&ended, &bad).await;
}

pub async fn a_job_that_waits_for_another_can_be_cancelled(site: &Site<'_>) {
    if !site.can(Condition::Dependencies) {
        return;
    }
    let first = site.submit(&site.submission("exec sleep 600")).await;
    let second = site
        .submit(&site.after(&first, AfterWhen::Completed, "exit 0"))
        .await;
    site.wait_until_running(&first).await;
    site.adapter.cancel(&second).await.unwrap();
    let outcome = site.wait_until_ended(&second).await;
    assert_eq!(outcome.kind, OutcomeKind::Cancelled, "{outcome:?}");
    site.adapter.cancel(&first).await.unwrap();
    site.wait_until_ended(&first).await;
}

pub async fn a_job_after_an_array_waits_for_all_of_its_tasks(site: &Site<'_>) {
    if !site.can(Condition::Dependencies) || !site.can(Condition::Arrays) {
        return;
    }
    let mut first = site.submission("sleep 1");
    first.work.array = Some(ArraySpec {
        tasks: 3,
        at_once: Some(1),
    });
    let first = site.submit(&first).await;
    let second = site
        .submit(&site.after(&first, AfterWhen::Completed, "exit 0"))
        .await;
    site.expect_to_run_after(&second, &first).await;
}
