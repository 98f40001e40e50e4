//! Two processes that were given one agent id: a copied configuration, or a restart while the old one
//! still runs.

use std::sync::Arc;

use broker_model::{Ids, OutcomeKind, SystemClock};
use jiff::SignedDuration;
use site_agent::{Agent, AgentConfig};

use crate::stage::{Stage, everyone};

/// How many calls of the two are put in every order.
const CALLS: u32 = 10;

fn twin(stage: &Stage) -> Agent {
    let config = AgentConfig {
        instance: Ids::from_os().next(&SystemClock),
        ..stage.agent.config().clone()
    };
    let (broker, site) = (stage.broker.clone(), stage.site.clone());
    Agent::new(config, broker, site, everyone(), stage.clock.clone())
}

/// The agent's next call, of the three that bring a job to the scheduler.
async fn step(agent: &Agent, taken: u32) {
    match taken % 3 {
        0 => drop(agent.lease_once(0).await),
        1 => agent.calls_once().await,
        _ => drop(agent.report_once().await),
    }
}

#[tokio::test]
async fn two_processes_with_one_id_run_a_job_once_in_whatever_order_they_work() {
    for order in 0..1_u32 << CALLS {
        let stage = Stage::new();
        stage.broker.rows().guards_leases = true;
        let twin = twin(&stage);
        let attempt = stage.offer();
        let mut taken = [0; 2];
        for call in 0..CALLS {
            let turn = (order >> call) & 1;
            let agent = [&stage.agent, &twin][turn as usize];
            step(agent, taken[turn as usize]).await;
            taken[turn as usize] += 1;
        }
        for _ in 0..50 {
            twin.tick().await;
            stage.agent.tick().await;
            stage.clock.advance(SignedDuration::from_secs(1));
        }
        let row = stage.broker.row(attempt);
        assert_eq!(stage.site.starts(), [1], "in order {order:#b}");
        assert_eq!(row.outcome(), Some(OutcomeKind::Completed));
    }
}

#[tokio::test]
async fn an_attempt_that_was_announced_waits_for_the_end_of_its_lease_and_is_looked_up() {
    let stage = Stage::new();
    stage.broker.rows().guards_leases = true;
    let attempt = stage.offer();
    for taken in 0..3 {
        step(&stage.agent, taken).await;
    }
    assert!(stage.broker.has_stored_submitting(attempt));
    let restarted = Arc::new(twin(&stage));
    restarted.lease_once(0).await.unwrap();
    assert_eq!(restarted.working(), 0, "the first may be sending it");
    stage.clock.advance(crate::broker::LEASE);
    restarted.lease_once(0).await.unwrap();
    restarted.calls_once().await;
    assert_eq!(stage.site.count("find"), 1);
    assert_eq!(stage.site.count("submit"), 0);
}
