//! Whose usage a caller sees.

use broker_app::setup::{SetupFile, project_id};
use broker_app::{Broker, Error};
use broker_model::{FundingShare, UsageRecord};
use broker_store::{Change, Commits as _, Page, UsageFilter, Write};

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{ISSUER, World, at, engineer, submit};

/// Makes the engineer an auditor of two shares as well.
async fn appoint(broker: &Broker) {
    let file = format!(
        r#"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "engineer"
        role = "auditor"
        share = "national:FI"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "engineer"
        role = "auditor"
        share = "commercial"
        "#
    );
    let file: SetupFile = toml::from_str(&file).unwrap();
    broker.import(&file).await.unwrap();
}

async fn one_of_their_own(world: &World, broker: &Broker) -> UsageRecord {
    let agent = Agent::of(world, "lumi");
    agent.show(broker).await;
    submit(broker, at(&["lumi"])).await;
    let leased = agent.lease_one(broker).await;
    agent.start(broker, leased.attempt).await;
    world.pass(600);
    agent.finish(broker, &leased, 10).await;
    Books::check(broker).await.usage.remove(0)
}

#[tokio::test]
async fn who_audits_two_shares_sees_both_and_their_own_projects() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let own = one_of_their_own(&world, &broker).await;
    let foreign = |share: &str| UsageRecord {
        attempt: world.ids.next(&*world.clock),
        job: world.ids.next(&*world.clock),
        project: project_id("foreign"),
        share: share.parse().unwrap(),
        ..own.clone()
    };
    let others = ["national:FI", "commercial", "union", "national:DE"].map(foreign);
    let writes = others.iter().cloned().map(Box::new).map(Write::InsertUsage);
    let change = Change {
        writes: writes.collect(),
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
    appoint(&broker).await;
    let broker = world.broker().await;
    let caller = engineer(&broker).await;
    let page = || Page {
        limit: 50,
        before: None,
    };
    let seen = broker.usage(&caller, UsageFilter::default(), page()).await;
    let mut seen: Vec<_> = seen.unwrap().records.iter().map(|it| it.attempt).collect();
    seen.sort();
    let mut expected = vec![own.attempt, others[0].attempt, others[1].attempt];
    expected.sort();
    assert_eq!(seen, expected);
    let union = UsageFilter {
        share: Some(FundingShare::Union),
        ..UsageFilter::default()
    };
    let seen = broker.usage(&caller, union, page()).await.unwrap();
    assert_eq!(
        seen.records,
        [own],
        "of a share they do not audit, their own"
    );
}

#[tokio::test]
async fn who_only_audits_is_told_which_share_is_not_theirs() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let file = format!(
        r#"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "finn"
        role = "auditor"
        share = "national:FI"
        "#
    );
    let file: SetupFile = toml::from_str(&file).unwrap();
    broker.import(&file).await.unwrap();
    let caller = broker.caller(crate::world::principal("finn")).await;
    let union = UsageFilter {
        share: Some(FundingShare::Union),
        ..UsageFilter::default()
    };
    let page = Page {
        limit: 50,
        before: None,
    };
    let refused = broker.usage(&caller.unwrap(), union, page).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}
