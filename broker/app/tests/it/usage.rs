use broker_model::{EntryKind, OutcomeKind, UnitMillis};
use site_adapter::{AttemptReport, LeasedAttempt, UsageReport};

use crate::agent::{Agent, unused};
use crate::books::{Books, audit};
use crate::world::{World, allocation, at, job, submit};

fn used(leased: &LeasedAttempt, usage: UsageReport) -> AttemptReport {
    AttemptReport::Usage {
        attempt: leased.attempt,
        usage: Some(usage),
        account: None,
    }
}

#[tokio::test]
async fn what_was_used_is_charged_and_the_rest_of_the_hold_given_back() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    assert_eq!(placed.held, UnitMillis::from_hours(4));
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(1800);
    agent.finish(&broker, &leased, 30).await;
    let balance = allocation(&broker).await.balance;
    assert_eq!(balance.used, UnitMillis::from_hours(2));
    assert_eq!(balance.held, UnitMillis::ZERO);
    let books = Books::check(&broker).await;
    assert_eq!(books.count(EntryKind::UsageCharged), 1);
    let verified = audit(&broker).await;
    assert_eq!(verified.kinds["usage.charged"], 1);
}

#[tokio::test]
async fn a_job_that_the_site_has_no_record_of_is_closed_without_a_charge() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let id = agent.lease_one(&broker).await.attempt;
    agent.start(&broker, id).await;
    let events = vec![agent.ended(id, OutcomeKind::Vanished), unused(id)];
    agent.report(&broker, events).await;
    let balance = allocation(&broker).await.balance;
    assert_eq!(balance.remaining(), balance.granted);
    let books = Books::check(&broker).await;
    assert_eq!(books.count(EntryKind::UsageUncharged), 1);
}

/// A record that cannot be true is kept in the ledger, charged to nobody, and asked for never again;
/// what else is in the report is stored.
#[tokio::test]
async fn nonsense_from_a_site_is_written_down_and_not_charged() {
    type Break = fn(&mut UsageReport);
    let breaks: [Break; 8] = [
        |it| it.ended_at = it.started_at - jiff::SignedDuration::from_secs(1),
        |it| it.nodes = u32::MAX,
        |it| it.scheduler_gpus = u32::MAX,
        |it| it.cpus = u32::MAX,
        |it| it.memory_gib = u32::MAX,
        |it| it.started_at = "1970-01-01T00:00:00Z".parse().unwrap(),
        |it| it.ended_at = "9999-12-30T00:00:00Z".parse().unwrap(),
        |it| {
            it.started_at = jiff::Timestamp::MIN;
            it.ended_at = jiff::Timestamp::MAX;
        },
    ];
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let mut events = Vec::new();
    for _ in 0..=breaks.len() {
        submit(&broker, at(&["lumi"])).await;
    }
    let leased = agent.lease(&broker).await;
    assert_eq!(leased.len(), breaks.len() + 1);
    for one in &leased {
        agent.start(&broker, one.attempt).await;
    }
    world.pass(600);
    for (one, broken) in leased.iter().zip(breaks) {
        let mut usage = agent.usage(one, 10);
        broken(&mut usage);
        let ended = agent.ended(one.attempt, OutcomeKind::Completed);
        events.extend([ended, used(one, usage)]);
    }
    let good = leased.last().unwrap();
    events.push(agent.ended(good.attempt, OutcomeKind::Completed));
    events.push(agent.used(good, 10));
    let reply = agent.report(&broker, events).await;
    assert_eq!((reply.cancel, reply.forget), (vec![], vec![]));

    let books = Books::check(&broker).await;
    let charged: Vec<_> = books.usage.iter().map(|it| it.attempt).collect();
    assert_eq!(charged, [good.attempt]);
    assert_eq!(books.count(EntryKind::UsageUncharged), breaks.len());
    assert!(books.attempts.iter().all(|attempt| attempt.settled));
    let kept = books
        .entries
        .iter()
        .filter(|it| it.kind == EntryKind::UsageUncharged);
    for entry in kept {
        assert!(
            entry.data["reason"]
                .as_str()
                .is_some_and(|it| it.len() > 10)
        );
        assert!(entry.data["told"]["nodes"].is_u64());
    }
    assert_eq!(agent.lease(&broker).await, []);
    assert!(audit(&broker).await.entries > 0);
}

#[tokio::test]
async fn usage_may_be_more_than_what_was_held() {
    let world = World::sqlite().await;
    world.import(4, false).await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(7200);
    agent.finish(&broker, &leased, 120).await;
    assert!(job(&broker, placed.id).await.state.is_final());
    let balance = allocation(&broker).await.balance;
    assert_eq!(balance.granted, UnitMillis::from_hours(4));
    assert_eq!(balance.used, UnitMillis::from_hours(8));
    assert_eq!(balance.remaining(), UnitMillis::from_hours(-4));
    Books::check(&broker).await;
}
