//! What the agent tells the broker, and what it does when the broker does not listen.

use broker_model::{AttemptState, OutcomeKind};
use jiff::SignedDuration;

use crate::broker::{Failure, LEASE};
use crate::stage::Stage;

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_reports_fail() {
    let stage = Stage::new();
    let attempt = stage.offer();
    for round in 0..40 {
        let failure = if round % 2 == 0 {
            Failure::Lost
        } else {
            Failure::AnswerLost
        };
        stage.broker.rows().report_failures.push_back(failure);
    }
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    assert_eq!(row.stdout, b"hello\nworld\n");
    assert_eq!(stage.site.starts(), [1]);
    let mut order = row.events.clone();
    order.dedup();
    assert_eq!(
        order,
        [
            "submitting",
            "accepted",
            "waiting",
            "started",
            "ended",
            "usage"
        ]
    );
}

#[tokio::test]
async fn the_scheduler_hears_nothing_while_the_broker_cannot_be_told() {
    let stage = Stage::new();
    stage.offer();
    for _ in 0..40 {
        stage.broker.rows().report_failures.push_back(Failure::Lost);
    }
    stage.ticks(10).await;
    assert_eq!(stage.site.count("submit"), 0);
}

#[tokio::test]
async fn one_attempt_that_the_broker_does_not_understand_holds_nobody_up() {
    let stage = Stage::new();
    let odd = stage.offer();
    let others: Vec<_> = (0..5).map(|_| stage.offer()).collect();
    stage.broker.rows().not_understood.insert(odd);
    for other in others {
        stage.finish(other).await;
    }
    assert!(!stage.broker.row(odd).is_settled());
    stage.broker.rows().not_understood.clear();
    stage.finish(odd).await;
    assert_eq!(
        stage.broker.row(odd).outcome(),
        Some(OutcomeKind::Completed)
    );
}

#[tokio::test]
async fn a_forgotten_attempt_is_dropped_and_left_alone() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.tick().await;
    assert_eq!(stage.agent.working(), 1);
    stage.broker.rows().forget.insert(attempt);
    stage.clock.advance(SignedDuration::from_secs(30));
    stage.agent.report_once().await.unwrap();
    assert_eq!(stage.agent.working(), 0);
    assert_eq!(stage.site.count("cancel"), 0);
}

#[tokio::test]
async fn leases_are_renewed_every_third_of_their_time() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.agent.lease_once(0).await.unwrap();
    stage.agent.report_once().await.unwrap();
    assert!(stage.broker.rows().renewed.is_empty());
    for round in 1..4 {
        stage.clock.advance(LEASE / 3);
        stage.agent.report_once().await.unwrap();
        assert_eq!(stage.broker.rows().renewed, vec![attempt; round]);
    }
}

#[tokio::test]
async fn nothing_is_sent_under_a_lease_that_ran_out() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.agent.lease_once(0).await.unwrap();
    stage.agent.calls_once().await;
    stage.agent.report_once().await.unwrap();
    stage.clock.advance(LEASE);
    stage.agent.calls_once().await;
    assert_eq!(stage.site.count("submit"), 0);
    stage.finish(attempt).await;
    assert_eq!(stage.site.starts(), [1]);
}

#[tokio::test]
async fn a_long_log_goes_in_bounded_reports_and_arrives_whole() {
    let stage = Stage::with(|config| {
        config.log_chunk_bytes = 1000;
        config.report_log_bytes = 1500;
        config.log_backlog_bytes = 4000;
    });
    let log: Vec<u8> = (0..50_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    stage.site.script().stdout.clone_from(&log);
    let attempts = [stage.offer(), stage.offer(), stage.offer()];
    for attempt in attempts {
        stage.finish(attempt).await;
        assert_eq!(stage.broker.row(attempt).stdout, log);
    }
    assert!(stage.broker.rows().largest_log_report <= 1500);
}

#[tokio::test]
async fn a_log_over_the_limit_is_left_at_the_site() {
    let stage = Stage::with(|config| {
        config.log_chunk_bytes = 1000;
        config.max_log_bytes = 3000;
    });
    stage.site.script().stdout = vec![b'x'; 10_000];
    let attempt = stage.offer();
    stage.finish(attempt).await;
    assert_eq!(stage.broker.row(attempt).stdout.len(), 3000);
}

#[tokio::test]
async fn no_more_is_leased_than_the_agent_may_work_on() {
    let stage = Stage::with(|config| config.max_attempts = 3);
    for _ in 0..10 {
        stage.offer();
    }
    stage.tick().await;
    stage.tick().await;
    assert_eq!(stage.agent.working(), 3);
}

#[tokio::test]
async fn a_project_without_an_account_is_refused_before_anything_is_sent() {
    let mut stage = Stage::new();
    stage.agent = site_agent::Agent::new(
        crate::stage::config(),
        stage.broker.clone(),
        stage.site.clone(),
        std::sync::Arc::new(site_agent::AccountTable::default()),
        stage.clock.clone(),
    );
    let attempt = stage.offer();
    stage.finish(attempt).await;
    let AttemptState::Refused { reason } = stage.broker.row(attempt).state else {
        panic!("not refused");
    };
    assert!(reason.contains("[[accounts]]"), "{reason}");
    assert_eq!(stage.site.count("submit"), 0);
}
