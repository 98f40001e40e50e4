//! The last look at a job before it is sent: when it is leased, taken over, or announced.

use broker_app::Broker;
use broker_model::{
    After, AfterWhen, AttemptId, Automation, DrainDraft, HoldReason, Job, JobSpec, OutcomeKind,
    StateName,
};
use site_adapter::LeasedAttempt;

use crate::agent::{Agent, submitting, unused};
use crate::books::Books;
use crate::world::{World, at, job, principal, submit};

const OVER: i64 = 61;

async fn drained(broker: &Broker) {
    let admin = broker.caller(principal("admin")).await.unwrap();
    let drain: DrainDraft =
        serde_json::from_value(serde_json::json!({ "reason": "pumps" })).unwrap();
    let lumi = "lumi".parse().unwrap();
    broker.drain_site(&admin, &lumi, &drain).await.unwrap();
}

fn after(first: &Job) -> JobSpec {
    JobSpec {
        after: vec![After {
            job: first.id,
            when: AfterWhen::Completed,
        }],
        ..at(&["lumi"])
    }
}

/// A job that runs, and one that waits for it and was announced by an agent that died then.
async fn announced_after(broker: &Broker, agent: &Agent<'_>) -> (LeasedAttempt, Job, AttemptId) {
    agent.show(broker).await;
    let first = submit(broker, at(&["lumi"])).await;
    let running = agent.lease_one(broker).await;
    agent.start(broker, running.attempt).await;
    let waits = submit(broker, after(&first)).await;
    let leased = agent.ask(broker, 10, &[running.attempt]).await.attempts;
    assert_eq!(leased[0].work.after.len(), 1);
    let id = leased[0].attempt;
    agent.report(broker, vec![submitting(id)]).await;
    (running, waits, id)
}

#[tokio::test]
async fn what_may_not_have_been_sent_is_taken_over_with_the_jobs_that_it_waits_for() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (dead, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    let (running, _, id) = announced_after(&broker, &dead).await;
    world.pass(OVER);
    let taken = other.lease(&broker).await;
    let one = taken.iter().find(|it| it.attempt == id).unwrap();
    assert!(one.may_exist);
    assert_eq!(one.work.after[0].marker, running.attempt.to_string());
    let sends = other.report(&broker, vec![submitting(id)]).await;
    assert_eq!(sends.forget, [], "the scheduler watches over it");
}

/// A drain that is over by the time that somebody has looked.
#[tokio::test]
async fn what_was_taken_over_during_a_drain_still_has_the_jobs_that_it_waits_for() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (dead, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    let (running, _, id) = announced_after(&broker, &dead).await;
    world.pass(OVER);
    drained(&broker).await;
    let taken = other.lease(&broker).await;
    let one = taken.iter().find(|it| it.attempt == id).unwrap();
    assert_eq!(one.work.after[0].marker, running.attempt.to_string());
}

#[tokio::test]
async fn what_was_proven_absent_is_not_sent_once_what_it_waits_for_has_failed() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (dead, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    let (running, waits, id) = announced_after(&broker, &dead).await;
    let failed = dead.ended(running.attempt, OutcomeKind::Failed);
    dead.report(&broker, vec![failed, unused(running.attempt)])
        .await;
    world.pass(OVER);
    // It may be there, so it is not given up before somebody has looked.
    assert!(other.lease_one(&broker).await.may_exist);
    let announces = other.report(&broker, vec![submitting(id)]).await;
    assert_eq!(announces.forget, [id]);
    broker.place_pending_once().await.unwrap();
    let over = job(&broker, waits.id).await;
    let kind = over.state.outcome().unwrap().kind;
    assert_eq!(kind, OutcomeKind::DependencyFailed);
    let books = Books::check(&broker).await;
    assert!(books.attempts.iter().all(|it| it.settled));
}

#[tokio::test]
async fn nothing_leaves_for_a_drained_site_whoever_was_given_it_before() {
    for was_announced in [false, true] {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let (dead, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
        dead.show(&broker).await;
        let placed = submit(&broker, at(&["lumi"])).await;
        let id = dead.lease_one(&broker).await.attempt;
        if was_announced {
            dead.report(&broker, vec![submitting(id)]).await;
        }
        world.pass(OVER);
        drained(&broker).await;
        let taken = other.lease(&broker).await;
        assert_eq!(taken.len(), usize::from(was_announced));
        if was_announced {
            let told = other.report(&broker, vec![submitting(id)]).await;
            assert_eq!(told.forget, [id]);
        }
        let back = job(&broker, placed.id).await;
        assert_eq!(
            (back.state.name(), back.attempt),
            (StateName::Pending, None)
        );
        assert_eq!(
            back.refused_by,
            [],
            "it may go there once the drain is over"
        );
        Books::check(&broker).await;
    }
}

#[tokio::test]
async fn a_site_that_asks_for_people_by_now_is_sent_nothing_that_was_placed_before() {
    let asks = [
        (Automation::HumanConfirm, HoldReason::Confirmation),
        (Automation::Handoff, HoldReason::Handoff),
    ];
    for (automation, reason) in asks {
        let mut world = World::sqlite().await;
        let agent = Agent::of(&world, "lumi").id;
        let before = world.broker().await;
        Agent::of(&world, "lumi").show(&before).await;
        let placed = submit(&before, at(&["lumi"])).await;
        assert_eq!(placed.state.name(), StateName::Placed);
        world.let_in("lumi", automation);
        let broker = world.broker().await;
        let agent = Agent {
            id: agent,
            ..Agent::of(&world, "lumi")
        };
        agent.show(&broker).await;
        assert_eq!(agent.lease(&broker).await, []);
        broker.place_pending_once().await.unwrap();
        let held = job(&broker, placed.id).await;
        assert_eq!(held.state.waits_for().map(|it| it.0), Some(reason));
        Books::check(&broker).await;
    }
}

#[tokio::test]
async fn a_site_that_asks_no_more_lets_in_what_waited_for_its_people() {
    let mut world = World::sqlite().await;
    world.let_in("lumi", Automation::HumanConfirm);
    let before = world.broker().await;
    Agent::of(&world, "lumi").show(&before).await;
    let waits = submit(&before, at(&["lumi"])).await;
    assert_eq!(waits.state.name(), StateName::Held);
    world.let_in("lumi", Automation::Allowed);
    let broker = world.broker().await;
    assert_eq!(broker.expire_confirmations_once().await.unwrap(), 1);
    Agent::of(&world, "lumi").show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let placed = job(&broker, waits.id).await;
    assert_eq!(placed.state.name(), StateName::Placed);
    Books::check(&broker).await;
}

/// An agent that is drained by hand, or full, wants nothing.
#[tokio::test]
async fn what_another_was_given_and_never_announced_is_work_for_who_wants_some() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (dead, full) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    dead.show(&broker).await;
    for _ in 0..3 {
        submit(&broker, at(&["lumi"])).await;
    }
    let leased = dead.lease(&broker).await;
    dead.report(&broker, vec![submitting(leased[0].attempt)])
        .await;
    world.pass(OVER);
    let given = full.ask(&broker, 0, &[]).await.attempts;
    let ids: Vec<_> = given.iter().map(|it| it.attempt).collect();
    assert_eq!(ids, [leased[0].attempt], "it may be at the scheduler");
    assert_eq!(full.ask(&broker, 1, &[]).await.attempts.len(), 2);
}
