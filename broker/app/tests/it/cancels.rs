use broker_app::{Broker, Error};
use broker_model::{AttemptState, Job, OutcomeKind, StateName};
use futures::future::join;

use crate::agent::{Agent, refused, submitting, unused};
use crate::books::Books;
use crate::world::{World, at, engineer, job, principal, submit};

async fn cancel(broker: &Broker, job: &Job) -> Job {
    let caller = engineer(broker).await;
    broker.cancel(&caller, job.id).await.unwrap()
}

#[tokio::test]
async fn a_pending_job_is_cancelled_here_and_now() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let pending = submit(&broker, at(&["lumi"])).await;
    assert_eq!(
        pending.state.name(),
        StateName::Pending,
        "nobody has heard of lumi"
    );
    let over = cancel(&broker, &pending).await;
    assert_eq!(over.state.name(), StateName::Cancelled);
    Books::check(&broker).await;
    let caller = engineer(&broker).await;
    let again = broker.cancel(&caller, pending.id).await;
    assert!(matches!(again, Err(Error::JobIsOver(StateName::Cancelled))));
}

#[tokio::test]
async fn a_placed_job_that_no_agent_has_is_cancelled_here_and_now() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    assert_eq!(
        cancel(&broker, &placed).await.state.name(),
        StateName::Cancelled
    );
    assert_eq!(agent.lease(&broker).await, []);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_foreign_job_is_not_there_to_be_cancelled() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let pending = submit(&broker, at(&["lumi"])).await;
    for stranger in ["somebody", "auditor"] {
        let caller = broker.caller(principal(stranger)).await.unwrap();
        let answer = broker.cancel(&caller, pending.id).await;
        assert!(matches!(answer, Err(Error::NotFound("job"))), "{answer:?}");
    }
}

/// It is leased, and the agent hears of it in the answer to its announcement.
#[tokio::test]
async fn a_job_cancelled_before_it_was_sent_is_not_sent() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let id = agent.lease_one(&broker).await.attempt;
    let wished = cancel(&broker, &placed).await;
    assert_eq!(wished.state.name(), StateName::Placed);
    assert!(wished.cancel_requested_at.is_some());
    let again = cancel(&broker, &placed).await;
    assert_eq!(again.cancel_requested_at, wished.cancel_requested_at);
    Books::check(&broker).await;

    let reply = agent.report(&broker, vec![submitting(id)]).await;
    assert_eq!(reply.cancel, [id]);
    agent
        .report(&broker, vec![refused(id, "cancelled before it was sent")])
        .await;
    let over = job(&broker, placed.id).await;
    assert_eq!(over.state.name(), StateName::Cancelled);
    assert_eq!(over.refused_by, []);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_job_at_its_site_is_over_when_the_site_says_so() {
    for ended_as in [OutcomeKind::Cancelled, OutcomeKind::Completed] {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let agent = Agent::of(&world, "lumi");
        agent.show(&broker).await;
        let placed = submit(&broker, at(&["lumi"])).await;
        let leased = agent.lease_one(&broker).await;
        let id = leased.attempt;
        agent.start(&broker, id).await;
        let wished = cancel(&broker, &placed).await;
        assert_eq!(wished.state.name(), StateName::Running);
        assert_eq!(agent.ask(&broker, 1, &[id]).await.cancel, [id]);
        assert_eq!(agent.renew(&broker, &[id]).await.cancel, [id]);
        let other = Agent::of(&world, "lumi");
        assert_eq!(other.ask_busy(&broker, 1).await.cancel, []);
        let restarted = agent.lease_one(&broker).await;
        assert!(restarted.cancel);

        agent.report(&broker, vec![agent.ended(id, ended_as)]).await;
        let over = job(&broker, placed.id).await;
        assert_eq!(
            over.state.outcome().unwrap().kind,
            ended_as,
            "the site knows best"
        );
        let caller = engineer(&broker).await;
        let late = broker.cancel(&caller, placed.id).await;
        assert!(matches!(late, Err(Error::JobIsOver(_))));
        assert_ne!(over.held, broker_model::UnitMillis::ZERO, "not settled yet");
        Books::check(&broker).await;
        assert_eq!(agent.ask(&broker, 1, &[id]).await.cancel, []);
        agent.report(&broker, vec![agent.used(&leased, 1)]).await;
        Books::check(&broker).await;
    }
}

#[tokio::test]
async fn a_job_cancelled_while_it_may_have_been_sent_waits_for_proof() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.report(&broker, vec![submitting(id)]).await;
    let wished = cancel(&broker, &placed).await;
    assert_eq!(wished.state.name(), StateName::Placed);
    let events = vec![agent.ended(id, OutcomeKind::Cancelled), unused(id)];
    agent.report(&broker, events).await;
    let over = job(&broker, placed.id).await;
    assert_eq!(over.state.name(), StateName::Cancelled);
    Books::check(&broker).await;
}

/// Either the wish comes first and nobody gets the job, or the agent does and hears of the wish.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_races_with_a_lease_is_never_lost() {
    for world in World::each().await {
        let (one, two) = (world.broker().await, world.broker().await);
        let agent = Agent::of(&world, "lumi");
        agent.show(&one).await;
        let mut seen = [false; 2];
        for _ in 0..30 {
            let placed = submit(&one, at(&["lumi"])).await;
            let leasing = agent.ask_busy(&two, 1);
            let (reply, cancelled) = join(leasing, cancel(&one, &placed)).await;
            seen[usize::from(reply.attempts.is_empty())] = true;
            let Some(leased) = reply.attempts.first() else {
                assert_eq!(cancelled.state.name(), StateName::Cancelled);
                continue;
            };
            let id = leased.attempt;
            let reply = agent.report(&two, vec![submitting(id)]).await;
            assert_eq!(reply.cancel, [id]);
            agent
                .report(&two, vec![refused(id, "cancelled before it was sent")])
                .await;
            assert_eq!(
                job(&one, placed.id).await.state.name(),
                StateName::Cancelled
            );
        }
        let books = Books::check(&one).await;
        let closed = |state: &AttemptState| matches!(state, AttemptState::Refused { .. });
        assert!(books.attempts.iter().all(|it| closed(&it.state)));
        assert!(seen[0] || seen[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_races_with_reports_is_never_lost() {
    for world in World::each().await {
        let (one, two) = (world.broker().await, world.broker().await);
        let agent = Agent::of(&world, "lumi");
        agent.show(&one).await;
        for _ in 0..20 {
            let placed = submit(&one, at(&["lumi"])).await;
            let id = agent.ask_busy(&two, 1).await.attempts[0].attempt;
            agent.report(&two, vec![submitting(id)]).await;
            let events = vec![agent.accepted(id), agent.started(id)];
            let (_, wished) = join(agent.report(&two, events), cancel(&one, &placed)).await;
            assert!(wished.cancel_requested_at.is_some());
            let stored = job(&one, placed.id).await;
            assert_eq!(stored.cancel_requested_at, wished.cancel_requested_at);
            assert_eq!(stored.state.name(), StateName::Running);
            assert_eq!(agent.renew(&two, &[id]).await.cancel, [id]);
            let events = vec![agent.ended(id, OutcomeKind::Cancelled), unused(id)];
            agent.report(&two, events).await;
        }
        Books::check(&one).await;
    }
}
