//! What `check` answers, and that a submission at the same moment agrees.

use broker_app::jobs::Accepted;
use broker_app::setup::{allocation_id, project_id};
use broker_app::{Broker, CheckAnswer, Error};
use broker_model::{JobSpec, MissingFrom, StateName, UnitMillis};
use broker_store::{Change, Commits as _, Write};
use policy_engine::Outcome;

use crate::agent::Agent;
use crate::world::{World, at, engineer, submit};

const LONG_AGO: (&str, &str) = ("2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z");
const NOW: (&str, &str) = ("2026-01-01T00:00:00Z", "2031-01-01T00:00:00Z");

async fn check(broker: &Broker, project: &str) -> CheckAnswer {
    let caller = engineer(broker).await;
    broker.check(&caller, project_id(project)).await.unwrap()
}

fn of(project: &str) -> JobSpec {
    let mut spec = at(&["lumi"]);
    spec.project = project_id(project);
    spec
}

async fn is_refused(broker: &Broker, project: &str, rule: &str) {
    let answer = check(broker, project).await;
    assert_eq!(answer.decision.result, Outcome::NotEligible);
    let rules = answer.decision.rules;
    assert!(rules.iter().any(|it| it.rule == rule), "{rules:?}");
    let caller = engineer(broker).await;
    let refused = broker.submit(&caller, of(project), None).await;
    let Err(Error::NotEligible(asked)) = refused else {
        panic!("{refused:?}");
    };
    let decision = asked.decision;
    assert_eq!(decision.rules, rules);
}

async fn is_eligible(broker: &Broker, project: &str, allocation: &str) {
    let answer = check(broker, project).await;
    assert_eq!(answer.decision.result, Outcome::Eligible);
    let expected = allocation_id(project, allocation);
    assert_eq!(answer.allocation, Some(expected));
    assert_eq!(submit(broker, of(project)).await.allocation, expected);
}

#[tokio::test]
async fn an_allocation_that_ended_does_not_speak_for_one_that_runs() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let old = ("old", 100, LONG_AGO.0, LONG_AGO.1);
    let older = ("older", 100, LONG_AGO.0, "2025-06-01T00:00:00Z");
    world.import_project("ended", &[older, old]).await;
    is_refused(&broker, "ended", "allocation.ended").await;
    let answer = check(&broker, "ended").await;
    assert_eq!(answer.allocation, Some(allocation_id("ended", "old")));
    let current = ("current", 100, NOW.0, NOW.1);
    world.import_project("renewed", &[old, current]).await;
    is_eligible(&broker, "renewed", "current").await;
    world.import_project("none", &[]).await;
    let nothing = check(&broker, "none").await;
    assert_eq!(nothing.allocation, None);
    assert_eq!(nothing.decision.result, Outcome::NotEligible);
}

#[tokio::test]
async fn an_allocation_that_is_spent_does_not_speak_for_one_that_is_not() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let spent = ("spent", 100, NOW.0, "2030-01-01T00:00:00Z");
    let fresh = ("fresh", 100, NOW.0, NOW.1);
    for (project, allocations) in [("spent", &[spent][..]), ("both", &[spent, fresh])] {
        world.import_project(project, allocations).await;
        let settle = Write::Settle {
            allocation: allocation_id(project, "spent"),
            held: UnitMillis::ZERO,
            used: UnitMillis::from_hours(100),
        };
        let change = Change {
            writes: vec![settle],
            entries: Vec::new(),
        };
        world.store().await.commit(change).await.unwrap();
    }
    is_refused(&broker, "spent", "share.exhausted").await;
    is_eligible(&broker, "both", "fresh").await;
}

/// Hours that jobs hold may come back, so whoever wants them waits.
#[tokio::test]
async fn hours_that_are_only_held_do_not_exhaust_a_share() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    world
        .import_project("small", &[("grant", 4, NOW.0, NOW.1)])
        .await;
    let first = submit(&broker, of("small")).await;
    assert_eq!(first.held, UnitMillis::from_hours(4));
    is_eligible(&broker, "small", "grant").await;
    let second = submit(&broker, of("small")).await;
    assert_eq!(second.state.name(), StateName::Pending);
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    let caller = engineer(&broker).await;
    broker.cancel(&caller, first.id).await.unwrap();
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
}

/// 18:00 in Brussels: the day is not over, and its allocation neither until then.
#[tokio::test]
async fn a_term_begins_and_ends_at_its_instant_and_not_with_the_day() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    let evening = "2026-11-20T17:00:00Z";
    let ending = ("ending", 100, NOW.0, evening);
    let coming = ("coming", 100, evening, NOW.1);
    world.import_project("ending", &[ending]).await;
    world.import_project("coming", &[coming]).await;
    for seconds in [0, 5 * 3600 - 1] {
        world.pass(seconds);
        agent.show(&broker).await;
        is_eligible(&broker, "ending", "ending").await;
        is_refused(&broker, "coming", "allocation.not_begun").await;
        let missing = check(&broker, "coming").await.missing;
        let of_it = missing
            .iter()
            .find(|it| it.rule.as_deref() == Some("allocation.not_begun"));
        assert_eq!(of_it.unwrap().by, MissingFrom::Nobody);
    }
    world.pass(1);
    agent.show(&broker).await;
    is_refused(&broker, "ending", "allocation.ended").await;
    is_eligible(&broker, "coming", "coming").await;
}

/// The replica has seen the first allocation with all its hours, which are taken elsewhere meanwhile.
#[tokio::test]
async fn another_allocation_pays_when_the_first_turns_out_to_be_taken() {
    let mut world = World::sqlite().await;
    world.limits.standing_ttl = std::time::Duration::from_mins(10);
    let (broker, other) = (world.broker().await, world.broker().await);
    Agent::of(&world, "lumi").show(&broker).await;
    other.listen_once().await.unwrap();
    let first = ("first", 4, NOW.0, "2030-01-01T00:00:00Z");
    let second = ("second", 4, NOW.0, NOW.1);
    world.import_project("pair", &[first, second]).await;
    let paid_by = |name: &str| Some(allocation_id("pair", name));
    assert_eq!(check(&broker, "pair").await.allocation, paid_by("first"));
    let elsewhere = submit(&other, of("pair")).await;
    assert_eq!(Some(elsewhere.allocation), paid_by("first"));
    let here = submit(&broker, of("pair")).await;
    assert_eq!(Some(here.allocation), paid_by("second"));
    assert_eq!(here.state.name(), StateName::Placed);
    let caller = engineer(&broker).await;
    let third = broker.submit(&caller, of("pair"), None).await.unwrap();
    let Accepted::New { job } = third else {
        panic!("{third:?}");
    };
    assert_eq!(job.state.name(), StateName::Pending, "it waits for either");
}
