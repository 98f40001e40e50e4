use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker_model::{AttemptState, JobState};
use futures::future::{join, join_all};
use site_adapter::LeaseRequest;

use crate::agent::{Agent, submitting};
use crate::books::Books;
use crate::fault::FaultyStore;
use crate::world::{World, at, job, restartable, submit};

#[tokio::test(flavor = "multi_thread")]
async fn agents_at_several_replicas_never_get_the_same_job() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        let agents: Vec<Agent> = (0..4).map(|_| Agent::of(&world, "lumi")).collect();
        agents[0].show(&replicas[0]).await;
        let jobs = (0..12).map(|_| submit(&replicas[0], at(&["lumi"])));
        let jobs = join_all(jobs).await;
        let mut leased = Vec::new();
        while leased.len() < jobs.len() {
            let asked = agents.iter().zip(replicas.iter().cycle());
            let asked = asked.map(|(agent, replica)| agent.ask_busy(replica, 5));
            let got = join_all(asked).await.into_iter();
            let got: Vec<_> = got.flat_map(|reply| reply.attempts).collect();
            assert!(!got.is_empty(), "a job is left that nobody gets");
            leased.extend(got.into_iter().map(|it| it.job));
        }
        let different: BTreeSet<_> = leased.iter().collect();
        assert_eq!(different.len(), jobs.len(), "{leased:?}");
        let books = Books::check(&replicas[0]).await;
        assert_eq!(books.attempts.len(), jobs.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_whose_lease_ran_out_goes_to_one_agent() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        let dead = Agent::of(&world, "lumi");
        dead.show(&replicas[0]).await;
        submit(&replicas[0], at(&["lumi"])).await;
        let leased = dead.lease_one(&replicas[0]).await;
        let (one, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
        assert_eq!(one.lease(&replicas[0]).await, [], "the lease still holds");
        world.pass(61);
        let (a, b) = join(one.lease(&replicas[0]), other.lease(&replicas[1])).await;
        let got: Vec<_> = a.iter().chain(&b).map(|it| it.attempt).collect();
        assert_eq!(got, [leased.attempt]);
    }
}

#[tokio::test]
async fn a_lease_comes_with_the_brokers_own_time_to_count_it_from() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let reply = agent.ask(&broker, 1, &[]).await;
    let left = reply.attempts[0]
        .lease_until
        .duration_since(reply.now.unwrap());
    assert_eq!(left, jiff::SignedDuration::from_secs(60));
}

/// The other one may have sent it, and only the scheduler knows.
#[tokio::test]
async fn an_agent_that_lost_its_lease_is_not_listened_to_even_when_nobody_holds_it() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (slow, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    slow.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let id = slow.lease_one(&broker).await.attempt;
    world.pass(61);
    assert_eq!(other.lease_one(&broker).await.attempt, id);
    let reply = other.report(&broker, vec![submitting(id)]).await;
    assert_eq!(reply.forget, []);
    world.pass(61);

    let reply = slow.report(&broker, vec![submitting(id)]).await;
    assert_eq!(reply.forget, [id], "it would send a second time");
    let again = slow.lease_one(&broker).await;
    assert!(again.may_exist, "it must look the marker up first");
    let reply = other.report(&broker, vec![other.accepted(id)]).await;
    assert_eq!(reply.forget, [id]);
    Books::check(&broker).await;
}

/// Its own clock would let it send now, while the other one looks the marker up.
#[tokio::test]
async fn an_agent_whose_lease_goes_to_another_while_it_renews_is_told_so() {
    let world = World::sqlite().await;
    let store = Arc::new(FaultyStore::over(world.store().await));
    let (broker, replica) = (world.broker_over(store.clone()), world.broker().await);
    let (slow, other) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    slow.show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    let id = slow.lease_one(&broker).await.attempt;
    slow.report(&broker, vec![submitting(id)]).await;
    world.pass(61);
    let request = other.request(1, &[]);
    store.meanwhile(async move {
        let taken = replica.lease(&request).await.unwrap();
        assert_eq!(taken.attempts.len(), 1);
    });
    assert_eq!(slow.renew(&broker, &[id]).await.forget, [id]);
}

#[tokio::test]
async fn an_agent_that_holds_its_lease_late_is_still_listened_to() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(3600);
    agent.finish(&broker, &leased, 30).await;
    assert!(job(&broker, placed.id).await.state.is_final());
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_restarted_agent_gets_back_what_it_had_as_far_as_it_was() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..4 {
        world.submit_in_turn(&broker, at(&["lumi"])).await;
    }
    let leased = agent.lease(&broker).await;
    let ids: Vec<_> = leased.iter().map(|it| it.attempt).collect();
    agent.report(&broker, vec![submitting(ids[1])]).await;
    agent.start(&broker, ids[2]).await;
    agent.log(&broker, ids[2], 0, "one line\n").await;
    agent.start(&broker, ids[3]).await;
    let ended = agent.ended(ids[3], broker_model::OutcomeKind::Completed);
    agent.report(&broker, vec![ended]).await;

    let again = agent.lease(&broker).await;
    let facts: Vec<_> = again
        .iter()
        .map(|it| (it.attempt, it.may_exist, it.accepted.is_some(), it.ended))
        .collect();
    let expected = [
        (ids[0], false, false, false),
        (ids[1], true, false, false),
        (ids[2], true, true, false),
        (ids[3], true, false, true),
    ];
    assert_eq!(facts, expected);
    assert_eq!(again[2].stdout_offset, 9);
}

/// One that dies again and again would else have everything before it, and its site's other agents nothing.
#[tokio::test]
async fn what_a_restarted_agent_gets_back_fills_the_room_it_has_for_work() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..5 {
        world.submit_in_turn(&broker, at(&["lumi"])).await;
    }
    let ids = |reply: site_adapter::LeaseReply| -> Vec<_> {
        reply.attempts.iter().map(|it| it.attempt).collect()
    };
    let before = ids(agent.ask(&broker, 2, &[]).await);
    assert_eq!(before.len(), 2);
    assert_eq!(ids(agent.ask(&broker, 2, &[]).await), before);
    let more = ids(agent.ask(&broker, 3, &[]).await);
    assert_eq!((more.len(), &more[..2]), (3, &before[..]));
    assert_eq!(
        ids(agent.ask(&broker, 2, &more).await).len(),
        2,
        "room anew"
    );
    Books::check(&broker).await;
}

/// Two hosts with one configuration. The first may be sending just now what it announced, so that is
/// nobody else's before its lease is over; the rest goes over at once, and the first must let it go.
#[tokio::test]
async fn of_two_processes_with_one_id_only_the_holder_of_a_lease_may_send() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (mut first, mut second) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    second.id = first.id;
    first.instance = Some(world.ids.next(&*world.clock));
    second.instance = Some(world.ids.next(&*world.clock));
    first.show(&broker).await;
    for _ in 0..3 {
        world.submit_in_turn(&broker, at(&["lumi"])).await;
    }
    let leased = first.lease(&broker).await;
    let ids: Vec<_> = leased.iter().map(|it| it.attempt).collect();
    first.report(&broker, vec![submitting(ids[1])]).await;
    first.start(&broker, ids[2]).await;

    let taken = second.lease(&broker).await;
    let facts: Vec<_> = taken.iter().map(|it| (it.attempt, it.may_exist)).collect();
    assert_eq!(facts, [(ids[0], false), (ids[2], true)]);
    let late = first.report(&broker, vec![submitting(ids[0])]).await;
    assert_eq!(late.forget, [ids[0]], "the first would send it too");
    let told = second.report(&broker, vec![submitting(ids[0])]).await;
    assert_eq!(told.forget, []);
    let taken_back = first.ask(&broker, 0, &[ids[1]]).await.attempts;
    assert_eq!(taken_back, [], "the later process keeps what it took");
    let strange = second.report(&broker, vec![submitting(ids[1])]).await;
    assert_eq!(strange.forget, [ids[1]], "the first is sending it");

    world.pass(61);
    let restarted = second.lease(&broker).await;
    let of_first = restarted.iter().find(|it| it.attempt == ids[1]).unwrap();
    assert!(of_first.may_exist, "it must look the marker up first");
    let late = first.report(&broker, vec![first.accepted(ids[1])]).await;
    assert_eq!(late.forget, [ids[1]]);
    Books::check(&broker).await;
}

/// Two agents that run processes on two machines: neither can tell what the other has started.
#[tokio::test]
async fn what_was_announced_for_one_scheduler_is_nobodys_who_reaches_another() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (first, second) = (Agent::of(&world, "lumi"), Agent::of(&world, "lumi"));
    first.show(&broker).await;
    let ask = async |agent: &Agent<'_>, scheduler: &str| {
        let request = LeaseRequest {
            scheduler: Some(scheduler.to_owned()),
            ..agent.request(10, &[])
        };
        broker.lease(&request).await.unwrap().attempts
    };
    for _ in 0..2 {
        world.submit_in_turn(&broker, at(&["lumi"])).await;
    }
    let leased = ask(&first, "process/a").await;
    let (announced, only_leased) = (leased[0].attempt, leased[1].attempt);
    first.report(&broker, vec![submitting(announced)]).await;
    world.pass(61);
    let taken = ask(&second, "process/b").await;
    let ids: Vec<_> = taken.iter().map(|it| it.attempt).collect();
    assert_eq!(ids, [only_leased], "the first may have started the other");
    second.report(&broker, vec![submitting(only_leased)]).await;
    world.pass(61);
    let back = ask(&first, "process/a").await;
    let facts: Vec<_> = back.iter().map(|it| (it.attempt, it.may_exist)).collect();
    assert_eq!(
        facts,
        [(announced, true)],
        "the other has gone to the second"
    );
    Books::check(&broker).await;
}

#[tokio::test]
async fn an_agent_is_given_what_it_can_hand_in_and_no_more() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let job = submit(&broker, at(&["lumi"])).await;
    let ask = async |systems: &[&str], only_sent| {
        let request = LeaseRequest {
            systems: systems.iter().map(|it| it.parse().unwrap()).collect(),
            only_sent,
            want: if only_sent { 0 } else { 10 },
            ..agent.request(0, &[])
        };
        broker.lease(&request).await.unwrap().attempts
    };
    assert_eq!(ask(&["another"], false).await, []);
    let here = job.state.partition().unwrap().system.clone();
    let leased = ask(&["another", here.as_str()], false).await;
    let id = leased[0].attempt;
    agent.report(&broker, vec![submitting(id)]).await;
    assert_eq!(ask(&[], true).await, [], "it is not at the scheduler");
    assert_eq!(ask(&["another"], false).await, []);
    agent.start(&broker, id).await;
    assert_eq!(ask(&[], true).await[0].attempt, id);
}

/// Twenty long polls, each of which would wait a second for its next look without the nudge. What the
/// machine needs for the work itself is measured beside.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_is_woken_by_a_submission() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let began = Instant::now();
    for _ in 0..20 {
        submit(&broker, at(&["lumi"])).await;
        assert_eq!(agent.ask_busy(&broker, 1).await.attempts.len(), 1);
    }
    let work = began.elapsed();
    let began = Instant::now();
    for _ in 0..20 {
        let request = LeaseRequest {
            wait_seconds: 30,
            ..agent.request(1, &[world.ids.next(&*world.clock)])
        };
        let (reply, _) = join(broker.lease(&request), submit(&broker, at(&["lumi"]))).await;
        assert_eq!(reply.unwrap().attempts.len(), 1);
    }
    let waited = began.elapsed();
    let most = work * 4 + Duration::from_secs(8);
    assert!(waited < most, "{waited:?} and not {most:?}");
}

#[tokio::test]
async fn a_job_whose_partition_left_the_federation_is_placed_anew_and_holds_nobody_up() {
    let mut world = World::sqlite().await;
    let broker = world.broker().await;
    let (agent, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    agent.show(&broker).await;
    cineca.show(&broker).await;
    let unclaimed = at(&["lumi", "cineca"]);
    let running = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    let mut announced = at(&["lumi"]);
    announced.name = "announced".to_owned();
    submit(&broker, announced).await;
    let sent = agent
        .ask(&broker, 1, &[leased.attempt])
        .await
        .attempts
        .remove(0);
    agent.report(&broker, vec![submitting(sent.attempt)]).await;
    let mut only_leased = unclaimed.clone();
    only_leased.placement.prefer = vec!["lumi".parse().unwrap()];
    let only_leased = submit(&broker, only_leased).await;
    assert_eq!(only_leased.state.partition().unwrap().site.as_str(), "lumi");
    let known = [leased.attempt, sent.attempt];
    assert_eq!(agent.ask(&broker, 1, &known).await.attempts.len(), 1);
    let mut preferring = unclaimed;
    preferring.placement.prefer = vec!["lumi".parse().unwrap()];
    let placed = submit(&broker, preferring).await;
    let gone = placed.state.partition().unwrap().partition.clone();
    let (agent_id, cineca_id) = (agent.id, cineca.id);

    world.keep_partitions(|site, it| site.id.as_str() != "lumi" || it.id != gone);
    let broker = world.broker().await;
    broker.listen_once().await.unwrap();
    let mut agent = Agent::of(&world, "lumi");
    agent.id = agent_id;
    let again = agent.lease(&broker).await;
    let got: Vec<_> = again.iter().map(|it| it.attempt).collect();
    assert_eq!(got, [leased.attempt], "what runs is tracked on");
    assert!(again[0].accepted.is_some() && !again[0].cancel);
    for moved in [only_leased.id, placed.id] {
        assert_eq!(job(&broker, moved).await.state, JobState::Pending);
    }
    let waiting = broker.store().find_attempt(sent.attempt).await.unwrap();
    let waiting = waiting.unwrap();
    assert_eq!(waiting.state, AttemptState::Submitting, "a person looks");
    Books::check(&broker).await;

    let mut cineca = Agent::of(&world, "cineca");
    cineca.id = cineca_id;
    cineca.show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 2);
    let elsewhere = agent.ask(&broker, 5, &got).await.attempts.len();
    assert_eq!(elsewhere + cineca.lease(&broker).await.len(), 2);
    agent.finish(&broker, &again[0], 10).await;
    assert!(job(&broker, running.id).await.state.is_final());
    let books = Books::check(&broker).await;
    assert_eq!(books.usage, [], "nobody knows what the partition charged");
    assert_eq!(books.count(broker_model::EntryKind::UsageUncharged), 1);
}

/// What is left of a job at a lost site is stopped first; younger jobs do not wait for that.
#[tokio::test]
async fn jobs_that_wait_at_their_site_do_not_stand_before_younger_ones() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    for _ in 0..3 {
        world
            .submit_in_turn(&broker, restartable(at(&["lumi"])))
            .await;
    }
    let old = agent.lease(&broker).await;
    for one in &old {
        agent.start(&broker, one.attempt).await;
    }
    for _ in 0..95 {
        world.pass(20);
        broker.listen_once().await.unwrap();
    }
    agent.show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 3);
    let younger = world.submit_in_turn(&broker, at(&["lumi"])).await;
    let working_on: Vec<_> = old.iter().map(|it| it.attempt).collect();
    let got = agent.ask(&broker, 1, &working_on).await.attempts;
    let got: Vec<_> = got.iter().map(|it| it.job).collect();
    assert_eq!(got, [younger.id]);
    Books::check(&broker).await;
}
