//! Why a job waits, as the broker is told.

use jiff::{SignedDuration, Timestamp};
use site_adapter::Activity;

use crate::stage::Stage;

fn queued(reason: &str, expected_start: Option<Timestamp>) -> Activity {
    Activity::Queued {
        reason: Some(reason.to_owned()),
        expected_start,
    }
}

fn waits(stage: &Stage, attempt: broker_model::AttemptId) -> usize {
    let events = stage.broker.row(attempt).events;
    events.iter().filter(|event| **event == "waiting").count()
}

#[tokio::test]
async fn a_new_reason_is_told_at_once_and_then_at_most_once_a_minute() {
    let stage = Stage::new();
    let attempt = stage.offer();
    let start = broker_model::Clock::now(&*stage.clock);
    for second in 0..120 {
        let forecast = start + SignedDuration::from_secs(1000 + second);
        let told = queued("Priority", Some(forecast));
        stage.site.script().activities.push_back(told);
    }
    stage.ticks(2).await;
    assert_eq!(waits(&stage, attempt), 1);
    stage.ticks(58).await;
    assert_eq!(waits(&stage, attempt), 1);
    stage.ticks(10).await;
    assert_eq!(waits(&stage, attempt), 2);
}

#[tokio::test]
async fn the_same_reason_is_told_once() {
    let stage = Stage::new();
    let attempt = stage.offer();
    for _ in 0..200 {
        let told = queued("AssocGrpGRES", None);
        stage.site.script().activities.push_back(told);
    }
    stage.ticks(150).await;
    assert_eq!(waits(&stage, attempt), 1);
}

#[tokio::test]
async fn nothing_piles_up_while_the_broker_is_away() {
    let stage = Stage::new();
    let attempt = stage.offer();
    stage.site.script().activities.push_back(queued("0", None));
    stage.tick().await;
    stage.broker.rows().is_down = true;
    for minute in 1..20 {
        let told = queued(&minute.to_string(), None);
        stage.site.script().activities.push_back(told);
        stage.clock.advance(SignedDuration::from_secs(60));
        stage.tick().await;
    }
    stage.site.script().most_polls = Some(1);
    stage.broker.rows().is_down = false;
    stage.ticks(2).await;
    assert!(waits(&stage, attempt) <= 3);
}
