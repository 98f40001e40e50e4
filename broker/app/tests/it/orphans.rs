//! What no agent can look up any more: its site's people say what became of it.

use broker_app::{Broker, Error, HandoffReport};
use broker_model::{AttemptState, JobId, Outcome, OutcomeKind, RemoteId, StateName, UnitMillis};
use jiff::SignedDuration;
use site_adapter::{AttemptReport, LeasedAttempt};

use crate::agent::{Agent, submitting};
use crate::books::Books;
use crate::world::{World, allocation, at, job, principal, restartable, submit};

const LOST_AFTER: i64 = 30 * 60;

async fn tell(broker: &Broker, id: JobId, report: &HandoffReport) -> Result<(), Error> {
    let caller = broker.caller(principal("admin")).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    let told = broker.report_handoff(&caller, &lumi, id, report).await;
    told.map(drop)
}

/// The broker goes on listening to the site's other agents.
async fn pass(world: &World, broker: &Broker, other: &Agent<'_>, seconds: i64) {
    for _ in 0..seconds.div_euclid(20) {
        world.pass(20);
        other.show(broker).await;
        broker.listen_once().await.unwrap();
    }
}

fn ended(agent: &Agent<'_>, leased: &LeasedAttempt, world: &World) -> HandoffReport {
    HandoffReport::Ended {
        ended_at: world.now(),
        outcome: Outcome {
            kind: OutcomeKind::NodeFailure,
            exit_code: None,
            signal: None,
            site_words: "the node's disk is gone".to_owned(),
        },
        usage: Some(agent.usage(leased, 5)),
    }
}

#[tokio::test]
async fn what_nobody_can_look_up_any_more_the_sites_people_end_and_settle() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let gone = Agent::of(&world, "lumi");
    gone.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let mut request = gone.request(1, &[]);
    request.scheduler = Some("process/a-disk-that-is-gone".to_owned());
    let leased = broker.lease(&request).await.unwrap().attempts.remove(0);
    gone.start(&broker, leased.attempt).await;

    // Its other agents have other machines, and never get it.
    let other = Agent::of(&world, "lumi");
    let mut asking = other.request(10, &[]);
    asking.scheduler = Some("process/another-machine".to_owned());
    let report = ended(&gone, &leased, &world);
    pass(&world, &broker, &other, 60).await;
    let early = tell(&broker, placed.id, &report).await;
    assert!(matches!(early, Err(Error::NotFound(_))), "{early:?}");
    pass(&world, &broker, &other, LOST_AFTER + 60).await;
    assert_eq!(broker.lease(&asking).await.unwrap().attempts, []);
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Running
    );

    let report = ended(&gone, &leased, &world);
    for _ in 0..2 {
        tell(&broker, placed.id, &report).await.unwrap();
    }
    let over = job(&broker, placed.id).await;
    assert_eq!(over.state.outcome().unwrap().kind, OutcomeKind::NodeFailure);
    assert_eq!(over.held, UnitMillis::ZERO);
    let books = Books::check(&broker).await;
    assert_eq!(books.usage.len(), 1);
    assert!(books.attempts[0].settled);
    assert!(allocation(&broker).await.balance.used > UnitMillis::ZERO);

    // Should the machine come back after all, it is told to let go.
    let late = vec![gone.ended(leased.attempt, OutcomeKind::Completed)];
    assert_eq!(gone.report(&broker, late).await.forget, [leased.attempt]);
    Books::check(&broker).await;
}

#[tokio::test]
async fn what_was_announced_and_never_came_goes_back_to_placement_on_a_persons_word() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let gone = Agent::of(&world, "lumi");
    gone.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = gone.lease_one(&broker).await;
    gone.report(&broker, vec![submitting(leased.attempt)]).await;
    let other = Agent::of(&world, "cineca");
    pass(&world, &broker, &other, LOST_AFTER + 120).await;
    let never = HandoffReport::Declined {
        reason: "the scheduler has nothing by that name".to_owned(),
    };
    tell(&broker, placed.id, &never).await.unwrap();
    let back = job(&broker, placed.id).await;
    assert_eq!(
        (back.state.name(), back.attempt),
        (StateName::Pending, None)
    );
    let accepted = AttemptReport::Accepted {
        attempt: leased.attempt,
        seen: site_adapter::Seen {
            remote_id: RemoteId("1".to_owned()),
            submitted_at: world.now() - SignedDuration::from_secs(1),
        },
    };
    let late = gone.report(&broker, vec![accepted]).await;
    assert_eq!(late.forget, [leased.attempt]);
    let books = Books::check(&broker).await;
    assert!(matches!(
        books.attempts[0].state,
        AttemptState::Refused { .. }
    ));
}

#[tokio::test]
async fn what_a_person_spoke_for_no_agent_is_given_again_and_its_list_shows_it() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (gone, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    gone.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = gone.lease_one(&broker).await;
    gone.start(&broker, leased.attempt).await;
    let boss = broker.caller(principal("admin")).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    assert_eq!(broker.handoffs(&boss, &lumi, None).await.unwrap(), []);
    pass(
        &world,
        &broker,
        &Agent::of(&world, "cineca"),
        LOST_AFTER + 120,
    )
    .await;
    let listed = broker.handoffs(&boss, &lumi, None).await.unwrap();
    assert_eq!(listed[0].attempt, leased.attempt, "it waits for a person");

    // The accounting tells later what it has used.
    let HandoffReport::Ended {
        ended_at,
        outcome,
        usage,
    } = ended(&gone, &leased, &world)
    else {
        panic!("it is an end");
    };
    let end = HandoffReport::Ended {
        ended_at,
        outcome,
        usage: None,
    };
    tell(&broker, placed.id, &end).await.unwrap();
    world.pass(600);
    assert_eq!(other.lease(&broker).await, []);
    assert_eq!(gone.lease(&broker).await, []);
    let listed = broker.handoffs(&boss, &lumi, None).await.unwrap();
    assert_eq!(listed[0].attempt, leased.attempt, "its usage is missing");
    tell(&broker, placed.id, &HandoffReport::Usage { usage })
        .await
        .unwrap();
    let books = Books::check(&broker).await;
    assert_eq!((books.usage.len(), books.attempts[0].settled), (1, true));
    assert_eq!(broker.handoffs(&boss, &lumi, None).await.unwrap(), []);
}

/// By then the job runs elsewhere, which says nothing of the first.
#[tokio::test]
async fn what_was_superseded_ends_and_is_charged_whatever_its_job_does_elsewhere() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (gone, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    gone.show(&broker).await;
    submit(&broker, restartable(at(&["lumi", "cineca"]))).await;
    let old = gone.lease_one(&broker).await;
    gone.start(&broker, old.attempt).await;
    world.pass(300);
    let report = ended(&gone, &old, &world);
    pass(&world, &broker, &other, LOST_AFTER + 120).await;
    broker.place_pending_once().await.unwrap();
    let new = other.lease_one(&broker).await;
    other.start(&broker, new.attempt).await;

    let boss = broker.caller(principal("admin")).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    let listed = broker.handoffs(&boss, &lumi, None).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].started_at, &listed[0].remote_id),
        (&None, &None)
    );
    for _ in 0..2 {
        let told = broker
            .report_handoff(&boss, &lumi, old.attempt, &report)
            .await;
        told.unwrap();
    }
    let runs = job(&broker, new.job).await;
    assert_eq!(runs.state.name(), StateName::Running);
    other.finish(&broker, &new, 5).await;
    let books = Books::check(&broker).await;
    assert_eq!(books.usage.len(), 2, "each site is paid once");
}
