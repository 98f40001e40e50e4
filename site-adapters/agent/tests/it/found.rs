//! Jobs that are found at the scheduler after a lost answer: they are as they were asked for, or they
//! are not this attempt's to run.

use broker_model::{AttemptId, AttemptState, OutcomeKind};
use jiff::SignedDuration;
use site_adapter::ErrorKind;

use crate::broker::Metered;
use crate::site::Fault::{After, Before};
use crate::stage::Stage;

const OVER: SignedDuration = SignedDuration::from_secs(crate::broker::LEASE.as_secs() + 1);

/// A submit that made the job and whose answer was lost, and what becomes of the next one.
fn unclear(stage: &Stage, next: Option<ErrorKind>) -> AttemptId {
    stage.site.fail("submit", After(ErrorKind::Unclear));
    if let Some(kind) = next {
        stage.site.fail("submit", Before(kind));
    }
    stage.offer()
}

async fn until_submits(stage: &Stage, count: usize) {
    for _ in 0..100 {
        if stage.site.count("submit") >= count {
            return;
        }
        stage.tick().await;
    }
    panic!("{:?}", stage.site.script().calls);
}

/// For longer than the lease lasts.
async fn broker_goes_away(stage: &Stage) {
    stage.broker.rows().is_down = true;
    stage.clock.advance(OVER);
    stage.ticks(10).await;
}

fn assert_refused(stage: &Stage, attempt: AttemptId) {
    let row = stage.broker.row(attempt);
    assert!(matches!(row.state, AttemptState::Refused { .. }), "{row:?}");
}

#[tokio::test]
async fn one_that_the_adapter_withdraws_is_refused_and_never_accepted() {
    let stage = Stage::new();
    let attempt = unclear(&stage, Some(ErrorKind::Refused));
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    let AttemptState::Refused { reason } = row.state else {
        panic!("{row:?}");
    };
    assert_eq!(reason, "submit: as the script says");
    assert_eq!(row.events, ["submitting", "refused"]);
}

#[tokio::test]
async fn one_that_another_agent_left_is_compared_too() {
    let mut stage = Stage::new();
    let attempt = unclear(&stage, None);
    until_submits(&stage, 1).await;
    stage.restart();
    stage.site.fail("submit", Before(ErrorKind::Refused));
    stage.finish(attempt).await;
    assert_refused(&stage, attempt);
}

#[tokio::test]
async fn one_that_has_begun_or_ended_is_told_as_it_is() {
    for polls in [2, 3] {
        let stage = Stage::new();
        let attempt = unclear(&stage, None);
        until_submits(&stage, 1).await;
        for job in stage.site.script().jobs.values_mut() {
            job.polls = polls;
        }
        stage.finish(attempt).await;
        let row = stage.broker.row(attempt);
        assert_eq!(stage.site.count("submit"), 1);
        assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
        assert_eq!(row.metered, Metered::With);
    }
}

#[tokio::test]
async fn one_that_cannot_be_compared_just_now_is_looked_at_again_first() {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Unauthorized,
        ErrorKind::Unclear,
    ] {
        let stage = Stage::new();
        let attempt = unclear(&stage, Some(kind));
        stage.finish(attempt).await;
        let calls = stage.site.script().calls.clone();
        let to_scheduler: Vec<_> = calls
            .iter()
            .filter(|call| matches!(**call, "find" | "submit"))
            .collect();
        assert_eq!(
            to_scheduler,
            [&"submit", &"find", &"submit", &"find", &"submit"],
            "{kind}"
        );
        assert_eq!(stage.site.starts(), [1], "{kind}");
    }
}

#[tokio::test]
async fn one_that_is_cancelled_before_it_was_compared_is_stopped() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Unauthorized] {
        let stage = Stage::new();
        let attempt = unclear(&stage, Some(kind));
        until_submits(&stage, 2).await;
        stage.broker.cancel(attempt);
        stage.finish(attempt).await;
        let row = stage.broker.row(attempt);
        assert_eq!(row.outcome(), Some(OutcomeKind::Cancelled), "{kind}");
        assert_eq!(stage.site.count("cancel"), 1, "{kind}");
        assert_eq!(stage.site.count("submit"), 2, "{kind}");
    }
}

#[tokio::test]
async fn one_that_was_seen_and_is_gone_is_not_sent_again() {
    let stage = Stage::new();
    let attempt = unclear(&stage, Some(ErrorKind::Unavailable));
    until_submits(&stage, 2).await;
    stage.site.script().gone.insert(attempt.to_string());
    stage.finish(attempt).await;
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Vanished));
    assert_eq!(row.metered, Metered::Without);
    assert_eq!(stage.site.count("submit"), 2);
}

#[tokio::test]
async fn one_out_of_the_spool_waits_for_the_broker_to_say_what_was_asked() {
    let mut stage = Stage::with_spool(|_| {});
    let attempt = unclear(&stage, None);
    until_submits(&stage, 1).await;
    stage.broker.rows().is_down = true;
    stage.restart();
    stage.ticks(10).await;
    assert_eq!(stage.site.count("submit"), 1);
    stage.site.fail("submit", Before(ErrorKind::Refused));
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_refused(&stage, attempt);
}

/// It may have run while the broker was away and the agent was not there to see it.
#[tokio::test]
async fn one_that_was_seen_before_a_restart_and_is_gone_after_it_is_not_sent_again() {
    let mut stage = Stage::with_spool(|_| {});
    let attempt = unclear(&stage, None);
    until_submits(&stage, 1).await;
    broker_goes_away(&stage).await;
    assert!(stage.site.count("find") > 0);
    stage.site.script().gone.insert(attempt.to_string());
    stage.restart();
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_eq!(stage.site.count("submit"), 1);
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Vanished));
}

/// Nothing can be compared while the broker is away, and it may be over by the time that it can.
#[tokio::test]
async fn one_that_begins_while_the_broker_is_away_is_watched_from_then_on() {
    let stage = Stage::with_spool(|_| {});
    let attempt = unclear(&stage, None);
    until_submits(&stage, 1).await;
    broker_goes_away(&stage).await;
    for job in stage.site.script().jobs.values_mut() {
        job.polls = 2;
    }
    for _ in 0..10 {
        stage.clock.advance(OVER);
        stage.tick().await;
    }
    stage.broker.rows().is_down = false;
    stage.finish(attempt).await;
    assert_eq!(stage.site.count("submit"), 1);
    let row = stage.broker.row(attempt);
    assert_eq!(
        (row.outcome(), row.metered),
        (Some(OutcomeKind::Completed), Metered::With)
    );
}
