use std::sync::Arc;

use broker_model::{AttemptState, EntryKind, JobState, OutcomeKind, StateName};
use futures::future::join;
use site_adapter::{AttemptReport, Report};

use crate::agent::{Agent, chunk, submitting, unused};
use crate::books::Books;
use crate::fault::{Fault, FaultyStore};
use crate::world::{World, at, engineer, job, submit};

#[tokio::test]
async fn what_was_told_before_changes_nothing() {
    let world = World::sqlite().await;
    let replicas = [world.broker().await, world.broker().await];
    let agent = Agent::of(&world, "lumi");
    agent.show(&replicas[0]).await;
    let placed = submit(&replicas[0], at(&["lumi"])).await;
    let leased = agent.lease_one(&replicas[0]).await;
    let id = leased.attempt;
    world.pass(60);
    let steps = [
        vec![submitting(id)],
        vec![agent.accepted(id), agent.started(id)],
        vec![AttemptReport::Requeued {
            words: None,
            attempt: id,
        }],
        vec![agent.started(id)],
        vec![agent.ended(id, OutcomeKind::Failed)],
        vec![agent.used(&leased, 1)],
    ];
    let mut told = Vec::new();
    for step in steps {
        told.extend(step.clone());
        agent.report(&replicas[0], step.clone()).await;
        let after = Books::check(&replicas[0]).await.entries.len();
        for replica in &replicas {
            agent.report(replica, step.clone()).await;
        }
        let entries = Books::check(&replicas[0]).await.entries;
        assert_eq!(
            entries.len(),
            after,
            "after {step:?}: {:?}",
            &entries[after..]
        );
    }
    agent.report(&replicas[1], told).await;
    let books = Books::check(&replicas[1]).await;
    assert_eq!(books.usage.len(), 1);
    assert_eq!(
        job(&replicas[0], placed.id).await.state.name(),
        StateName::Failed
    );
}

#[tokio::test]
async fn a_whole_life_may_come_in_one_report() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    let id = leased.attempt;
    let events = vec![
        submitting(id),
        agent.accepted(id),
        agent.started(id),
        agent.ended(id, OutcomeKind::Completed),
        agent.used(&leased, 1),
    ];
    agent.report(&broker, events).await;
    let over = job(&broker, placed.id).await;
    assert_eq!(over.state.name(), StateName::Completed);
    assert_eq!(over.state.remote_id().unwrap().0, "4711");
    let books = Books::check(&broker).await;
    assert_eq!(books.usage.len(), 1);
}

#[tokio::test]
async fn a_job_that_ended_before_anybody_saw_it_accepted_has_ended() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    let id = leased.attempt;
    let events = vec![agent.started(id), agent.ended(id, OutcomeKind::Completed)];
    agent.report(&broker, events).await;
    let late = vec![agent.accepted(id), agent.started(id)];
    let reply = agent.report(&broker, late).await;
    assert_eq!((reply.cancel, reply.forget), (vec![], vec![]));
    let over = job(&broker, placed.id).await;
    assert_eq!(over.state.name(), StateName::Completed);
    agent.report(&broker, vec![unused(id)]).await;
    Books::check(&broker).await;
}

#[tokio::test]
async fn nothing_is_sent_for_an_attempt_that_is_further_than_its_agent_believes() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    let id = leased.attempt;
    agent.start(&broker, id).await;
    for further in [
        vec![agent.ended(id, OutcomeKind::Completed)],
        vec![agent.used(&leased, 1)],
    ] {
        let reply = agent.report(&broker, vec![submitting(id)]).await;
        assert_eq!(reply.forget, [id]);
        agent.report(&broker, further).await;
    }
    let reply = agent.report(&broker, vec![submitting(id)]).await;
    assert_eq!(reply.forget, [id]);
    Books::check(&broker).await;
}

#[tokio::test]
async fn an_agent_of_another_site_is_not_believed() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let id = agent.lease_one(&broker).await.attempt;
    let mut stranger = Agent::of(&world, "bsc");
    stranger.id = agent.id;
    let report = Report {
        logs: vec![chunk(id, 0, "not theirs")],
        working_on: vec![id],
        ..stranger.message(vec![stranger.ended(id, OutcomeKind::Completed)])
    };
    let reply = broker.report(report).await.unwrap();
    assert_eq!(reply.forget, [id]);
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Placed
    );
    let caller = engineer(&broker).await;
    let log = broker.read_log(&caller, placed.id, "stdout", 0).await;
    assert_eq!(log.unwrap().bytes, b"");
}

#[tokio::test]
async fn a_log_beyond_the_limit_is_cut_with_a_line_that_says_so() {
    let mut world = World::sqlite().await;
    world.limits.log_bytes = 10;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.start(&broker, id).await;
    for (offset, text) in [
        (0, "01234"),
        (5, "56789"),
        (10, "abc"),
        (10, "abc"),
        (13, "def"),
    ] {
        agent.log(&broker, id, offset, text).await;
    }
    let caller = engineer(&broker).await;
    let log = broker.read_log(&caller, placed.id, "stdout", 0).await;
    let log = String::from_utf8(log.unwrap().bytes).unwrap();
    assert_eq!(
        log,
        "0123456789\n[log cut here: the limit of stored bytes is reached]\n"
    );
}

/// An agent that waited too long for an answer repeats its report at another replica.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_report_at_two_replicas_at_once_counts_once() {
    for world in World::each().await {
        let (one, other) = (world.broker().await, world.broker().await);
        let agent = Agent::of(&world, "lumi");
        agent.show(&one).await;
        for _ in 0..10 {
            submit(&one, at(&["lumi"])).await;
        }
        let leased = agent.lease(&one).await;
        let mut events = Vec::new();
        for it in &leased {
            agent.start(&one, it.attempt).await;
            events.push(agent.ended(it.attempt, OutcomeKind::Completed));
            events.push(agent.used(it, 1));
        }
        join(
            agent.report(&one, events.clone()),
            agent.report(&other, events),
        )
        .await;
        let books = Books::check(&one).await;
        assert_eq!(books.usage.len(), leased.len());
        assert_eq!(books.count(EntryKind::UsageCharged), leased.len());
        assert!(books.attempts.iter().all(|attempt| attempt.settled));
    }
}

/// The answer to any of a report's commits may be lost, or the commit itself.
#[tokio::test]
async fn a_report_that_broke_off_is_completed_by_its_repetition() {
    for fault in [Fault::Before, Fault::After] {
        for commits in 0..6 {
            a_report_that_broke_off_at(commits, fault).await;
        }
    }
}

async fn a_report_that_broke_off_at(commits: u32, fault: Fault) {
    let world = World::sqlite().await;
    let store = Arc::new(FaultyStore::over(world.store().await));
    let broker = world.broker_over(store.clone());
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..3 {
        submit(&broker, at(&["lumi"])).await;
    }
    let leased = agent.lease(&broker).await;
    let mut events = Vec::new();
    for one in &leased {
        agent.start(&broker, one.attempt).await;
        let ended = agent.ended(one.attempt, OutcomeKind::Completed);
        events.extend([ended, agent.used(one, 1)]);
    }
    world.pass(45);
    let report = Report {
        snapshot: Some(agent.snapshot()),
        logs: vec![chunk(leased[0].attempt, 0, "last words\n")],
        working_on: leased.iter().map(|one| one.attempt).collect(),
        ..agent.message(events)
    };
    store.fail_after(commits, fault);
    let first = broker.report(report.clone()).await;
    let broke = store.mend();
    assert_eq!(first.is_err(), broke, "{commits} {fault:?}");
    let books = Books::check(&broker).await;
    let caller = engineer(&broker).await;
    let first = books.attempts.iter().find(|it| it.id == leased[0].attempt);
    if first.unwrap().settled {
        let log = broker.read_log(&caller, leased[0].job, "stdout", 0).await;
        let log = log.unwrap().bytes;
        assert_eq!(log, b"last words\n", "who follows it has stopped");
    }
    let mut retries = 0;
    while broker.report(report.clone()).await.is_err() {
        retries += 1;
        assert!(retries < 3);
    }
    let books = Books::check(&broker).await;
    assert_eq!(books.usage.len(), 3);
    assert!(books.jobs.iter().all(|job| job.state.is_final()));
    assert!(books.attempts.iter().all(|attempt| attempt.settled));
    let log = broker.read_log(&caller, leased[0].job, "stdout", 0).await;
    assert_eq!(log.unwrap().bytes, b"last words\n");
    assert_eq!(books.count(EntryKind::UsageCharged), 3);
}

#[tokio::test]
async fn usage_before_the_end_is_not_taken_and_the_attempt_comes_back() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    let id = leased.attempt;
    agent.start(&broker, id).await;
    agent.report(&broker, vec![agent.used(&leased, 1)]).await;
    agent.report(&broker, vec![unused(id)]).await;
    let running = job(&broker, placed.id).await;
    assert_eq!(running.state.name(), StateName::Running);
    assert_eq!(running.held, placed.held);
    let books = Books::check(&broker).await;
    assert!(matches!(
        books.attempts[0].state,
        AttemptState::Accepted { .. }
    ));
    let again = agent.lease_one(&broker).await;
    agent.finish(&broker, &again, 1).await;
    assert!(!matches!(
        job(&broker, placed.id).await.state,
        JobState::Running { .. }
    ));
    Books::check(&broker).await;
}
