//! Leases between machines whose clocks show different times.

use std::sync::Arc;

use broker_model::{AttemptId, Clock, Ids, ManualClock, OutcomeKind, SystemClock};
use jiff::{SignedDuration, Timestamp};
use site_agent::{Agent, AgentConfig};

use crate::stage::{Stage, everyone};

/// Shows another time than the broker's clock.
#[derive(Debug)]
struct Skewed(Arc<ManualClock>, SignedDuration);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.0.now() + self.1
    }
}

fn agent(stage: &Stage, clock: Arc<dyn Clock>) -> Agent {
    let config = AgentConfig {
        id: Ids::from_os().next(&SystemClock),
        instance: Ids::from_os().next(&SystemClock),
        ..stage.agent.config().clone()
    };
    let (broker, site) = (stage.broker.clone(), stage.site.clone());
    Agent::new(config, broker, site, everyone(), clock)
}

fn skewed(stage: &Stage, seconds: i64) -> Agent {
    let by = SignedDuration::from_secs(seconds);
    agent(stage, Arc::new(Skewed(stage.clock.clone(), by)))
}

/// An attempt that this agent has announced, and was about to send when its network went.
async fn announced(stage: &Stage, agent: &Agent) -> AttemptId {
    stage.broker.rows().guards_leases = true;
    let attempt = stage.offer();
    agent.lease_once(0).await.unwrap();
    agent.calls_once().await;
    agent.report_once().await.unwrap();
    stage.broker.rows().is_down = true;
    attempt
}

#[tokio::test]
async fn no_submit_begins_after_the_brokers_own_end_of_the_lease_whatever_the_clocks_show() {
    for skew in [-60, 0, 60] {
        for (seconds, may) in [
            (1, true),
            (50, true),
            (60, false),
            (90, false),
            (119, false),
        ] {
            let stage = Stage::new();
            let agent = skewed(&stage, skew);
            announced(&stage, &agent).await;
            stage.clock.advance(SignedDuration::from_secs(seconds));
            agent.calls_once().await;
            let sent = stage.site.count("submit") == 1;
            assert_eq!(sent, may, "{seconds} s, a clock {skew} s ahead");
        }
    }
}

#[tokio::test]
async fn a_job_that_another_agent_took_over_is_not_sent_by_one_whose_clock_is_behind() {
    let stage = Stage::new();
    let behind = skewed(&stage, -60);
    let attempt = announced(&stage, &behind).await;
    stage
        .clock
        .advance(crate::broker::LEASE + SignedDuration::from_secs(1));
    stage.broker.rows().is_down = false;
    let other = skewed(&stage, 0);
    other.tick().await;
    other.tick().await;
    assert_eq!(stage.site.starts(), [1]);
    stage.broker.rows().is_down = true;
    behind.calls_once().await;
    assert_eq!(stage.site.starts(), [1]);
    stage.broker.rows().is_down = false;
    for _ in 0..50 {
        other.tick().await;
        behind.tick().await;
        stage.clock.advance(SignedDuration::from_secs(1));
    }
    let row = stage.broker.row(attempt);
    assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    assert_eq!(stage.site.starts(), [1]);
}

#[tokio::test]
async fn a_wall_clock_that_is_set_back_makes_no_lease_longer() {
    let stage = Stage::new();
    let wall = Arc::new(ManualClock::at(stage.clock.now()));
    let agent = agent(&stage, wall.clone()).with_steady_clock(stage.clock.clone());
    announced(&stage, &agent).await;
    wall.advance(SignedDuration::from_secs(-30));
    stage.clock.advance(SignedDuration::from_secs(61));
    wall.advance(SignedDuration::from_secs(61));
    agent.calls_once().await;
    assert_eq!(stage.site.count("submit"), 0);
}

#[tokio::test]
async fn what_outlived_its_lease_unsent_is_looked_up_before_it_goes() {
    let stage = Stage::new();
    let agent = skewed(&stage, 0);
    let attempt = announced(&stage, &agent).await;
    stage.clock.advance(SignedDuration::from_secs(90));
    stage.broker.rows().is_down = false;
    agent.report_once().await.unwrap();
    agent.calls_once().await;
    assert_eq!(stage.site.script().calls, ["find", "submit"]);
    for _ in 0..10 {
        agent.tick().await;
        stage.clock.advance(SignedDuration::from_secs(1));
    }
    assert!(stage.broker.row(attempt).is_settled());
}
