use broker_model::{StateName, UnitMillis};

use crate::agent::{Agent, refused, submitting};
use crate::books::Books;
use crate::world::{World, allocation, at, job, submit};

#[tokio::test]
async fn a_refused_job_goes_elsewhere_with_a_hold_of_its_own() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agents = ["lumi", "cineca"].map(|site| Agent::of(&world, site));
    for agent in &agents {
        agent.show(&broker).await;
    }
    let mut wish = at(&["lumi", "cineca"]);
    wish.placement.prefer = vec!["lumi".parse().unwrap()];
    let placed = submit(&broker, wish).await;
    let first = placed.state.partition().unwrap().clone();
    assert_eq!(first.site.as_str(), "lumi");
    let id = agents[0].lease_one(&broker).await.attempt;
    agents[0].report(&broker, vec![submitting(id)]).await;
    agents[0]
        .report(&broker, vec![refused(id, "no such account")])
        .await;

    let pending = job(&broker, placed.id).await;
    assert_eq!(pending.state.name(), StateName::Pending);
    assert_eq!((pending.held, pending.attempt), (UnitMillis::ZERO, None));
    assert_eq!(pending.refused_by, [first]);
    assert_eq!(allocation(&broker).await.balance.held, UnitMillis::ZERO);
    Books::check(&broker).await;
    // A repetition whose first answer was lost.
    let reply = agents[0]
        .report(&broker, vec![refused(id, "no such account")])
        .await;
    assert_eq!(reply.forget, [id]);

    let mut where_to = Vec::new();
    while where_to.last().is_none_or(|site| site != "cineca") {
        assert_eq!(broker.place_pending_once().await.unwrap(), 1);
        let placed = job(&broker, placed.id).await;
        let site = placed.state.partition().unwrap().site.clone();
        let agent = agents.iter().find(|it| it.site == site).unwrap();
        let leased = agent.lease_one(&broker).await;
        assert_eq!(allocation(&broker).await.balance.held, placed.held);
        where_to.push(site.to_string());
        if site.as_str() == "cineca" {
            agent.start(&broker, leased.attempt).await;
            world.pass(600);
            agent.finish(&broker, &leased, 10).await;
        } else {
            let events = vec![refused(leased.attempt, "full")];
            agent.report(&broker, events).await;
        }
        Books::check(&broker).await;
    }
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Completed
    );
    assert_eq!(Books::check(&broker).await.usage.len(), 1);
}

#[tokio::test]
async fn a_job_that_every_partition_refuses_fails_and_holds_nothing() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let mut refusals = 0;
    loop {
        let state = job(&broker, placed.id).await.state;
        if state.is_final() {
            assert_eq!(state.name(), StateName::Failed);
            break;
        }
        let id = agent.lease_one(&broker).await.attempt;
        agent.report(&broker, vec![refused(id, "no")]).await;
        refusals += 1;
        assert!(refusals < 20, "it goes round in a circle");
        broker.place_pending_once().await.unwrap();
        Books::check(&broker).await;
    }
    let over = job(&broker, placed.id).await;
    assert_eq!(over.refused_by.len(), refusals);
    assert_eq!(over.refusals.len(), refusals);
    let words = &over.state.outcome().unwrap().site_words;
    for refused in &over.refused_by {
        let said = format!("{refused} refused it: no");
        assert!(words.contains(&said), "{said} is not in {words}");
    }
    let balance = allocation(&broker).await.balance;
    assert_eq!(balance.remaining(), balance.granted);
    assert_eq!(agent.lease(&broker).await, []);
}

/// Jobs that have to wait must not keep those behind them from being looked at.
#[tokio::test]
async fn many_waiting_jobs_do_not_stand_before_one_that_can_go() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let waiting = (0..510).map(|_| submit(&broker, at(&["bsc"])));
    futures::future::join_all(waiting).await;
    let last = submit(&broker, at(&["lumi"])).await;
    Agent::of(&world, "lumi").show(&broker).await;
    let mut rounds = 0;
    while job(&broker, last.id).await.state.name() == StateName::Pending {
        broker.place_pending_once().await.unwrap();
        rounds += 1;
        assert!(rounds <= 3, "it was not looked at");
    }
    Agent::of(&world, "bsc").show(&broker).await;
    let mut placed = 0;
    for _ in 0..3 {
        placed += broker.place_pending_once().await.unwrap();
    }
    assert_eq!(placed, 510, "and the others have their turn");
}
