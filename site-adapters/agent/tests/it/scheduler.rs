//! What the agent does with each answer of a scheduler.

use broker_model::{AttemptState, Outcome, OutcomeKind};
use jiff::SignedDuration;
use site_adapter::{Activity, ErrorKind};

use crate::broker::Metered;
use crate::site::Fault::{After, Before};
use crate::stage::Stage;

#[tokio::test]
async fn a_job_goes_from_lease_to_usage() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(
        row.events,
        [
            "submitting",
            "accepted",
            "waiting",
            "started",
            "ended",
            "usage"
        ]
    );
    assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    assert_eq!(row.stdout, b"hello\nworld\n");
    assert_eq!(row.metered, Metered::With);
    assert_eq!(stage.site.starts(), [1]);
    assert_eq!(stage.agent.working(), 0);
}

#[tokio::test]
async fn many_jobs_are_polled_with_one_query_a_tick() {
    let stage = Stage::new();
    for _ in 0..50 {
        stage.offer();
    }
    stage.tick().await;
    assert_eq!(stage.site.count("submit"), 50);
    assert_eq!(stage.site.count("poll"), 1);
    stage.tick().await;
    assert_eq!(stage.site.count("poll"), 2);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_schedulers_words() {
    let stage = Stage::new();
    stage.site.fail("submit", Before(ErrorKind::Refused));
    let attempt = stage.offer();
    stage.finish(attempt).await;
    let AttemptState::Refused { reason } = stage.broker.row(attempt).state else {
        panic!("not refused");
    };
    assert_eq!(reason, "submit: as the script says");
}

#[tokio::test]
async fn an_unclear_submit_that_arrived_is_adopted() {
    let stage = Stage::new();
    stage.site.fail("submit", After(ErrorKind::Unclear));
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(stage.site.starts(), [1]);
    assert_eq!(stage.site.count("submit"), 2, "the second one adopts");
    assert_eq!(
        stage.broker.row(attempt).outcome(),
        Some(OutcomeKind::Completed)
    );
}

#[tokio::test]
async fn an_unclear_submit_is_sent_again_only_after_a_proof_of_absence() {
    for kind in [ErrorKind::Unclear, ErrorKind::Protocol, ErrorKind::Local] {
        let stage = Stage::new();
        stage.site.fail("submit", Before(kind));
        stage.site.fail("find", Before(ErrorKind::Unavailable));
        stage.site.fail("find", Before(ErrorKind::Unavailable));
        let attempt = stage.offer();
        stage.tick().await;
        assert_eq!(stage.site.count("submit"), 1, "{kind}");
        stage.finish(attempt).await;
        let calls = stage.site.script().calls.clone();
        let before: Vec<_> = calls
            .iter()
            .filter(|call| matches!(**call, "find" | "submit"))
            .collect();
        assert_eq!(
            before,
            [&"submit", &"find", &"find", &"find", &"submit"],
            "{kind}"
        );
        assert_eq!(stage.site.starts(), [1], "{kind}");
    }
}

#[tokio::test]
async fn an_unavailable_scheduler_is_asked_later_without_a_search() {
    let stage = Stage::new();
    stage.site.fail("submit", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.tick().await;
    stage.finish(attempt).await;
    assert_eq!(stage.site.count("find"), 0);
    assert_eq!(stage.site.count("submit"), 2);
}

#[tokio::test]
async fn a_rejected_credential_is_never_a_refusal_and_shows_in_the_sites_state() {
    let stage = Stage::new();
    for _ in 0..3 {
        stage.site.fail("submit", Before(ErrorKind::Unauthorized));
    }
    let attempt = stage.offer();
    stage.tick().await;
    stage.agent.snapshot_once().await;
    stage.agent.report_once().await.unwrap();
    let snapshot = stage.broker.rows().snapshots.last().cloned().unwrap();
    assert_eq!(snapshot.readiness, broker_model::SiteReadiness::Limited);
    assert!(snapshot.reason.unwrap().contains("as the script says"));
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).outcome(),
        Some(OutcomeKind::Completed)
    );
}

#[tokio::test]
async fn a_scheduler_that_is_down_makes_the_site_unavailable() {
    let stage = Stage::new();
    stage.site.fail("snapshot", Before(ErrorKind::Unavailable));
    stage.agent.snapshot_once().await;
    stage.agent.report_once().await.unwrap();
    let snapshot = stage.broker.rows().snapshots.last().cloned().unwrap();
    assert_eq!(snapshot.readiness, broker_model::SiteReadiness::Unavailable);
    assert!(snapshot.reason.unwrap().contains("as the script says"));
}

#[tokio::test]
async fn a_requeued_job_starts_twice_in_the_report_and_once_in_the_scheduler() {
    let stage = Stage::new();
    let attempt = stage.offer();
    let start = broker_model::Clock::now(&*stage.clock);
    let later = start + SignedDuration::from_secs(60);
    stage.site.script().activities.extend([
        Activity::Running { started_at: start },
        Activity::Queued {
            reason: None,
            expected_start: None,
        },
        Activity::Running { started_at: later },
    ]);
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).events[..5],
        ["submitting", "accepted", "started", "requeued", "started"]
    );
    assert_eq!(stage.site.starts(), [1]);
}

#[tokio::test]
async fn a_running_job_that_nobody_can_tell_of_for_a_while_starts_once() {
    let stage = Stage::new();
    let attempt = stage.offer();
    let start = broker_model::Clock::now(&*stage.clock);
    stage.site.script().activities.extend([
        Activity::Running { started_at: start },
        Activity::Unknown,
        Activity::Running { started_at: start },
        Activity::Ended {
            started_at: Some(start),
            ended_at: start + SignedDuration::from_secs(60),
            outcome: Outcome {
                kind: OutcomeKind::Completed,
                exit_code: Some(0),
                signal: None,
                site_words: "COMPLETED".to_owned(),
            },
        },
    ]);
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).events[..4],
        ["submitting", "accepted", "started", "ended"]
    );
}

#[tokio::test]
async fn a_job_that_the_scheduler_lost_ends_as_vanished() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.tick().await;
    stage.site.script().gone.insert(attempt.to_string());
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Vanished));
    assert_eq!(row.metered, Metered::Without);
}

#[tokio::test]
async fn a_job_that_one_poll_leaves_out_is_not_given_up() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.tick().await;
    stage.site.script().gone.insert(attempt.to_string());
    stage.site.fail("find", Before(ErrorKind::Unavailable));
    stage.tick().await;
    stage.site.script().gone.clear();
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).outcome(),
        Some(OutcomeKind::Completed)
    );
}

#[tokio::test]
async fn a_cancelled_job_that_runs_is_stopped_and_metered() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.site.script().most_polls = Some(2);
    stage.ticks(2).await;
    stage.broker.cancel(attempt);
    stage.site.fail("cancel", Before(ErrorKind::Unavailable));
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Cancelled));
    assert_eq!(row.metered, Metered::With);
    assert_eq!(stage.site.count("cancel"), 2);
}

#[tokio::test]
async fn a_cancelled_job_that_never_started_has_no_usage() {
    let stage = Stage::new();
    stage.site.script().most_polls = Some(1);
    let attempt = stage.offer();
    stage.tick().await;
    stage.broker.cancel(attempt);
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Cancelled));
    assert_eq!(row.metered, Metered::Without);
}

#[tokio::test]
async fn an_attempt_cancelled_before_it_was_sent_never_reaches_the_scheduler() {
    let stage = Stage::new();
    let attempt = stage.offer_as(|leased| leased.cancel = true);
    stage.finish(attempt).await;
    assert!(matches!(
        stage.broker.row(attempt).state,
        AttemptState::Refused { .. }
    ));
    assert_eq!(stage.site.count("submit"), 0);
}

#[tokio::test]
async fn a_cancel_during_a_failing_submit_refuses_what_was_not_sent() {
    let stage = Stage::new();
    stage.site.fail("submit", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.tick().await;
    stage.broker.cancel(attempt);
    stage.finish(attempt).await;
    assert!(matches!(
        stage.broker.row(attempt).state,
        AttemptState::Refused { .. }
    ));
    assert_eq!(stage.site.starts(), [0_u32; 0]);
}

#[tokio::test]
async fn a_superseded_attempt_is_looked_up_and_never_sent() {
    let stage = Stage::new();
    let attempt = stage.offer_as(|leased| {
        leased.may_exist = true;
        leased.cancel = true;
    });
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Cancelled));
    assert_eq!(row.metered, Metered::Without);
    assert_eq!(stage.site.count("submit"), 0);
}

#[tokio::test]
async fn usage_is_asked_for_until_accounting_has_it() {
    let stage = Stage::new();
    stage.site.script().usage_late = 5;
    stage.site.fail("usage", Before(ErrorKind::Unavailable));
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).metered, Metered::With);
}

#[tokio::test]
async fn accounting_that_never_tells_does_not_keep_an_attempt_open_for_ever() {
    let stage = Stage::with(|config| config.usage_give_up = std::time::Duration::from_secs(30));
    stage.site.script().usage_late = u32::MAX;
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).metered, Metered::Without);
}

#[tokio::test]
async fn an_attempt_that_ended_before_a_restart_is_metered_and_not_sent_again() {
    let mut stage = Stage::new();
    stage.site.script().usage_late = u32::MAX;
    let attempt = stage.offer();
    stage.ticks(5).await;
    assert!(stage.broker.row(attempt).outcome().is_some());
    stage.site.script().usage_late = 0;
    stage.site.script().gone.insert(attempt.to_string());
    stage.restart();
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).metered, Metered::Without);
    assert_eq!(stage.site.starts(), [1]);
}

#[tokio::test]
async fn lines_that_the_file_system_shows_late_are_not_lost() {
    let stage = Stage::new();
    stage.site.script().usage_late = 3;
    stage.site.script().last_words = b"the last line\n".to_vec();
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(
        stage.broker.row(attempt).stdout,
        b"hello\nworld\nthe last line\n"
    );
}

#[tokio::test]
async fn a_log_that_cannot_be_read_does_not_keep_an_attempt_open_for_ever() {
    let stage = Stage::with(|config| config.logs_give_up = std::time::Duration::from_secs(30));
    for _ in 0..500 {
        stage.site.fail("read_log", Before(ErrorKind::Local));
    }
    let attempt = stage.offer();
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.metered, Metered::With);
    assert_eq!(row.stdout, b"");
}
