use broker_app::Broker;
use broker_model::{
    AttemptState, JobState, OutcomeKind, SiteReadiness, SiteSnapshot, StateName, UnitMillis,
};
use jiff::SignedDuration;
use site_adapter::{LeaseRequest, Report};

use crate::agent::{Agent, submitting, unused};
use crate::books::Books;
use crate::world::{
    World, allocation, allocation_of, at, engineer, job, restartable, setup, submit,
};

const LOST_AFTER: i64 = 30 * 60;

/// Lets time pass for a broker that goes on listening, as its loop does every second.
async fn listen(world: &World, broker: &Broker, seconds: i64) -> u32 {
    let mut moved = 0;
    for _ in 0..seconds.div_euclid(20) {
        world.pass(20);
        moved += broker.listen_once().await.unwrap();
    }
    moved
}

#[tokio::test]
async fn only_a_restartable_job_moves_when_its_site_is_lost() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let stays = submit(&broker, at(&["lumi"])).await;
    let moves = submit(&broker, restartable(at(&["lumi"]))).await;
    let cancelled = submit(&broker, restartable(at(&["lumi"]))).await;
    let leased = agent.lease(&broker).await;
    for one in &leased {
        agent.start(&broker, one.attempt).await;
    }
    let caller = engineer(&broker).await;
    broker.cancel(&caller, cancelled.id).await.unwrap();

    assert_eq!(listen(&world, &broker, LOST_AFTER).await, 0);
    assert_eq!(listen(&world, &broker, 40).await, 1);
    assert_eq!(listen(&world, &broker, 40).await, 0, "once");
    assert_eq!(
        job(&broker, stays.id).await.state.name(),
        StateName::Running
    );
    assert_eq!(
        job(&broker, cancelled.id).await.state.name(),
        StateName::Running
    );
    let pending = job(&broker, moves.id).await;
    assert_eq!((pending.state, pending.attempt), (JobState::Pending, None));
    Books::check(&broker).await;
}

/// The agent was alive all the time and comes back with everything it had.
#[tokio::test]
async fn what_was_given_up_is_cancelled_first_when_its_site_comes_back() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    lumi.show(&broker).await;
    let placed = submit(&broker, restartable(at(&["lumi", "cineca"]))).await;
    let old = lumi.lease_one(&broker).await;
    lumi.start(&broker, old.attempt).await;
    listen(&world, &broker, LOST_AFTER + 40).await;
    cineca.show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let new = cineca.lease_one(&broker).await;
    cineca.start(&broker, new.attempt).await;
    Books::check(&broker).await;

    assert_eq!(
        lumi.renew(&broker, &[old.attempt]).await.cancel,
        [old.attempt]
    );
    let late = vec![lumi.accepted(old.attempt), lumi.started(old.attempt)];
    assert_eq!(lumi.report(&broker, late).await.cancel, [old.attempt]);
    let current = job(&broker, placed.id).await;
    assert_eq!(current.attempt, Some(new.attempt));
    let restarted = lumi.lease_one(&broker).await;
    assert!(restarted.cancel && restarted.may_exist);

    let ended = lumi.ended(old.attempt, OutcomeKind::Cancelled);
    assert_eq!(lumi.report(&broker, vec![ended.clone()]).await.cancel, []);
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Running
    );
    for _ in 0..2 {
        let usage = vec![ended.clone(), lumi.used(&old, 5)];
        lumi.report(&broker, usage).await;
    }
    assert_eq!(job(&broker, placed.id).await.held, placed.held);
    Books::check(&broker).await;
    cineca.finish(&broker, &new, 5).await;
    let books = Books::check(&broker).await;
    assert_eq!(books.usage.len(), 2, "each site is paid once");
    assert_eq!(lumi.lease(&broker).await, []);
    assert!(books.attempts.iter().all(|attempt| attempt.settled));
}

#[tokio::test]
async fn usage_that_is_told_after_the_term_comes_out_of_what_was_lost() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut file = setup();
    let day = SignedDuration::from_hours(24);
    allocation_of(&mut file).valid_until = world.now() + day;
    broker.import(&file).await.unwrap();
    let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    lumi.show(&broker).await;
    submit(&broker, restartable(at(&["lumi", "cineca"]))).await;
    let old = lumi.lease_one(&broker).await;
    lumi.start(&broker, old.attempt).await;
    listen(&world, &broker, LOST_AFTER + 40).await;
    cineca.show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let new = cineca.lease_one(&broker).await;
    cineca.start(&broker, new.attempt).await;
    cineca.finish(&broker, &new, 30).await;
    world.pass(day.as_secs());
    assert_eq!(broker.lapse_once().await.unwrap(), 1);
    let lapsed = allocation(&broker).await.balance;
    assert_eq!(lapsed.lost, lapsed.granted - lapsed.used);

    lumi.finish(&broker, &old, 30).await;
    let late = allocation(&broker).await.balance;
    assert!(late.used > lapsed.used, "{late:?}");
    assert_eq!(late.lost, late.granted - late.used);
    assert_eq!(late.remaining(), UnitMillis::ZERO);
    assert_eq!(broker.lapse_once().await.unwrap(), 0);
    Books::check(&broker).await;
}

/// It had announced nothing yet when the network broke, or its announcement came too late.
#[tokio::test]
async fn an_agent_that_comes_back_sends_nothing_that_was_given_up() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..2 {
        let wish = restartable(at(&["lumi"]));
        world.submit_in_turn(&broker, wish).await;
    }
    let leased = agent.lease(&broker).await;
    let [unsent, announced] = [leased[0].attempt, leased[1].attempt];
    agent.report(&broker, vec![submitting(announced)]).await;
    assert_eq!(listen(&world, &broker, LOST_AFTER + 40).await, 2);
    let books = Books::check(&broker).await;
    let state = |id| &books.attempts.iter().find(|it| it.id == id).unwrap().state;
    assert!(
        matches!(state(unsent), AttemptState::Refused { .. }),
        "nothing was ever sent"
    );
    assert_eq!(*state(announced), AttemptState::Lost);

    let events = vec![submitting(unsent), submitting(announced)];
    let reply = agent.report(&broker, events).await;
    let mut forget = reply.forget;
    forget.sort_by_key(|id| *id == announced);
    assert_eq!(forget, [unsent, announced]);
    assert_eq!(reply.cancel, []);
    let back = agent.lease_one(&broker).await;
    assert_eq!(back.attempt, announced);
    assert!(
        back.cancel && back.may_exist,
        "looked up, and stopped if it is there"
    );
    let events = vec![
        agent.ended(announced, OutcomeKind::Cancelled),
        unused(announced),
    ];
    agent.report(&broker, events).await;
    let books = Books::check(&broker).await;
    assert!(books.attempts.iter().all(|attempt| attempt.settled));
}

/// A job that was never sent is nobody's yet, restartable or not.
#[tokio::test]
async fn what_was_never_sent_moves_on_from_a_lost_site() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    lumi.show(&broker).await;
    let both = || at(&["lumi", "cineca"]);
    let leased = world.submit_in_turn(&broker, both()).await;
    lumi.lease_one(&broker).await;
    let cancelled = world.submit_in_turn(&broker, both()).await;
    // It gets back what it does not name, and that counts.
    lumi.ask_busy(&broker, 2).await;
    let caller = engineer(&broker).await;
    broker.cancel(&caller, cancelled.id).await.unwrap();
    let unclaimed = world.submit_in_turn(&broker, both()).await;
    assert_eq!(listen(&world, &broker, LOST_AFTER + 40).await, 3);
    let over = job(&broker, cancelled.id).await;
    assert_eq!(over.state.name(), StateName::Cancelled);
    Books::check(&broker).await;
    cineca.show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 2);
    let got: Vec<_> = cineca
        .lease(&broker)
        .await
        .iter()
        .map(|it| it.job)
        .collect();
    assert_eq!(got, [leased.id, unclaimed.id]);
    Books::check(&broker).await;
}

/// The same site takes the job again only when it is rid of the old one.
#[tokio::test]
async fn a_job_goes_back_to_a_site_only_after_what_is_left_of_it_there_is_gone() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, restartable(at(&["lumi"]))).await;
    let old = agent.lease_one(&broker).await;
    agent.start(&broker, old.attempt).await;
    listen(&world, &broker, LOST_AFTER + 40).await;
    agent.show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let ours = agent.ask(&broker, 5, &[old.attempt]).await;
    assert_eq!(ours.attempts, [], "the old one still runs there");
    let ended = agent.ended(old.attempt, OutcomeKind::Cancelled);
    agent
        .report(&broker, vec![ended, agent.used(&old, 1)])
        .await;
    let new = agent.lease_one(&broker).await;
    assert_eq!(new.job, placed.id);
    assert!(!new.may_exist);
    Books::check(&broker).await;
}

#[tokio::test]
async fn an_agent_that_renews_its_leases_is_not_lost_whatever_became_of_its_snapshots() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, restartable(at(&["lumi"]))).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.start(&broker, id).await;
    for _ in 0..60 {
        assert_eq!(listen(&world, &broker, 40).await, 0);
        assert_eq!(agent.renew(&broker, &[id]).await.forget, []);
    }
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Running
    );
}

/// Otherwise a broker that was down for an hour would start by giving up every site it has.
#[tokio::test]
async fn silence_while_the_broker_did_not_listen_is_not_the_sites() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    submit(&broker, restartable(at(&["lumi"]))).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.start(&broker, id).await;
    world.pass(2 * LOST_AFTER);
    assert_eq!(
        broker.listen_once().await.unwrap(),
        0,
        "its machine stood still"
    );
    let restarted = world.broker().await;
    assert_eq!(restarted.listen_once().await.unwrap(), 0, "it was down");
    assert_eq!(listen(&world, &restarted, LOST_AFTER).await, 0);
    assert_eq!(listen(&world, &restarted, 40).await, 1);
}

#[tokio::test]
async fn a_broker_that_could_not_write_what_it_heard_gives_nobody_up() {
    use crate::fault::{Fault, FaultyStore};
    let world = World::sqlite().await;
    let store = std::sync::Arc::new(FaultyStore::over(world.store().await));
    let broker = world.broker_over(store.clone());
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    submit(&broker, restartable(at(&["lumi"]))).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.start(&broker, id).await;
    for _ in 0..(LOST_AFTER / 20 + 5) {
        world.pass(20);
        store.fail_after(0, Fault::Before);
        let report = site_adapter::Report {
            snapshot: Some(agent.snapshot()),
            ..agent.message(Vec::new())
        };
        assert!(broker.report(report).await.is_err());
        assert!(store.mend());
        assert_eq!(broker.listen_once().await.unwrap(), 0);
    }
}

/// A site with thousands of jobs that falls silent must not cost thousands of reads each second.
#[tokio::test]
async fn attempts_that_wait_for_their_silent_site_are_looked_at_once() {
    use crate::fault::FaultyStore;
    let world = World::sqlite().await;
    let store = std::sync::Arc::new(FaultyStore::over(world.store().await));
    let broker = world.broker_over(store.clone());
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..40 {
        submit(&broker, at(&["lumi"])).await;
    }
    for one in &agent.lease(&broker).await {
        agent.start(&broker, one.attempt).await;
    }
    listen(&world, &broker, LOST_AFTER).await;
    let mut rounds = Vec::new();
    for _ in 0..4 {
        world.pass(20);
        let before = store.reads();
        assert_eq!(broker.listen_once().await.unwrap(), 0);
        rounds.push(store.reads() - before);
    }
    assert!(rounds[0] < 10, "all their jobs in one read: {rounds:?}");
    assert_eq!(rounds[1..], [rounds[0] - 1; 3], "and never again");
}

/// Its file was taken away while its agent was silent, too.
#[tokio::test]
async fn what_was_placed_at_a_site_that_left_the_federation_is_placed_elsewhere() {
    let mut world = World::sqlite().await;
    let before = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&before).await;
    let placed = submit(&before, at(&["lumi", "cineca"])).await;
    assert_eq!(placed.state.name(), StateName::Placed);
    world.sites.retain(|site| site.id.as_str() != "lumi");
    let broker = world.broker().await;
    assert_eq!(listen(&world, &broker, LOST_AFTER + 40).await, 1);
    let pending = job(&broker, placed.id).await;
    assert_eq!(
        (pending.state, pending.held),
        (JobState::Pending, UnitMillis::ZERO)
    );
    Books::check(&broker).await;
}

fn at_system(world: &World, agent: &Agent<'_>, system: &str) -> SiteSnapshot {
    let mut told = agent.snapshot();
    told.observed_at = world.now();
    told.partitions.retain(|it| it.system.as_str() == system);
    assert!(!told.partitions.is_empty(), "{system}");
    told
}

async fn say(broker: &Broker, agent: &Agent<'_>, told: SiteSnapshot) {
    let report = Report {
        snapshot: Some(told),
        ..agent.message(Vec::new())
    };
    broker.report(report).await.unwrap();
}

/// Its agent is there, and says honestly that it can do nothing.
#[tokio::test]
async fn what_was_never_sent_moves_when_its_scheduler_is_away_for_too_long() {
    for was_leased in [false, true] {
        let world = World::sqlite().await;
        let broker = world.broker().await;
        let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
        lumi.show(&broker).await;
        let sent = submit(&broker, restartable(at(&["lumi"]))).await;
        let id = lumi.lease_one(&broker).await.attempt;
        lumi.start(&broker, id).await;
        let placed = submit(&broker, at(&["lumi", "cineca"])).await;
        if was_leased {
            lumi.ask(&broker, 10, &[id]).await;
        }
        for _ in 0..(LOST_AFTER + 60) / 20 {
            world.pass(20);
            let away = SiteSnapshot {
                readiness: SiteReadiness::Unavailable,
                partitions: Vec::new(),
                ..lumi.snapshot()
            };
            say(&broker, &lumi, away).await;
            lumi.renew(&broker, &[id]).await;
            cineca.show(&broker).await;
            broker.listen_once().await.unwrap();
        }
        broker.place_pending_once().await.unwrap();
        let moved = job(&broker, placed.id).await;
        assert_eq!(moved.state.partition().unwrap().site.as_str(), "cineca");
        let stays = job(&broker, sent.id).await;
        assert_eq!(stays.state.name(), StateName::Running, "its agent has it");
        Books::check(&broker).await;
    }
}

/// Leonardo's agent is dead, and that of the other machine there speaks on.
#[tokio::test]
async fn a_system_that_nobody_speaks_for_is_lost_though_its_site_is_heard() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (one, other) = (Agent::of(&world, "cineca"), Agent::of(&world, "cineca"));
    say(&broker, &one, at_system(&world, &one, "leonardo")).await;
    let moves = submit(&broker, restartable(at(&["cineca"]))).await;
    let stays = submit(&broker, at(&["cineca"])).await;
    for leased in one.lease(&broker).await {
        one.start(&broker, leased.attempt).await;
    }
    let placed = submit(&broker, at(&["cineca"])).await;
    assert_eq!(placed.state.name(), StateName::Placed);
    for _ in 0..(LOST_AFTER + 60) / 20 {
        world.pass(20);
        say(&broker, &other, at_system(&world, &other, "lisa")).await;
        broker.listen_once().await.unwrap();
    }
    for (job_id, state) in [
        (moves.id, StateName::Pending),
        (placed.id, StateName::Pending),
        (stays.id, StateName::Running),
    ] {
        assert_eq!(job(&broker, job_id).await.state.name(), state);
    }
    // What was given up at the one system is cancelled there first, and may begin at the other.
    broker.place_pending_once().await.unwrap();
    let placed = job(&broker, moves.id).await;
    assert_eq!(placed.state.partition().unwrap().system.as_str(), "lisa");
    let request = LeaseRequest {
        systems: vec!["lisa".parse().unwrap()],
        ..other.request(10, &[])
    };
    let given = broker.lease(&request).await.unwrap().attempts;
    assert!(given.iter().any(|it| it.job == moves.id), "{given:?}");
    Books::check(&broker).await;
}
