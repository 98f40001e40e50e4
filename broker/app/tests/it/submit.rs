use std::sync::Arc;

use broker_app::jobs::{Accepted, FirstAnswer, Idempotency};
use broker_app::{Broker, Error};
use broker_model::{EntryKind, JobId, UnitMillis};
use broker_store::{JobFilter, Page};
use futures::future::join_all;

use crate::agent::Agent;
use crate::books::{Books, audit};
use crate::fault::{Fault, FaultyStore};
use crate::world::{World, allocation, at, engineer, principal, spec, submit};

fn key(digest: &str) -> Idempotency {
    Idempotency {
        key: "order-1".to_owned(),
        request_sha256: digest.to_owned(),
        render: Box::new(|job| FirstAnswer {
            status: 202,
            body: job.id.to_string(),
        }),
    }
}

fn answer(accepted: &Accepted) -> String {
    match accepted {
        Accepted::New { job, .. } => job.id.to_string(),
        Accepted::Repeated(first) => first.body.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_gives_the_first_answer_at_any_replica() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        Agent::of(&world, "lumi").show(&replicas[0]).await;
        replicas[1].listen_once().await.unwrap();
        let at_once = (0..6).map(|n| {
            let broker = &replicas[n % 2];
            async move {
                let caller = engineer(broker).await;
                broker.submit(&caller, at(&["lumi"]), Some(key("a"))).await
            }
        });
        let mut answers = Vec::new();
        for answered in join_all(at_once).await {
            match answered {
                Ok(accepted) => answers.push(answer(&accepted)),
                Err(Error::InFlight) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let caller = engineer(&replicas[1]).await;
        let later = replicas[1]
            .submit(&caller, at(&["lumi"]), Some(key("a")))
            .await;
        assert_eq!(answer(&later.unwrap()), answers[0]);
        let other = replicas[0]
            .submit(&caller, at(&["lumi"]), Some(key("b")))
            .await;
        assert!(matches!(other, Err(Error::KeyReused)));
        let books = Books::check(&replicas[0]).await;
        assert_eq!(books.jobs.len(), 1);
        assert_eq!(books.jobs[0].id.to_string(), answers[0]);
    }
}

#[tokio::test]
async fn a_client_that_lost_the_answer_gets_it_by_asking_again() {
    for fault in [Fault::Before, Fault::After] {
        let world = World::sqlite().await;
        let store = Arc::new(FaultyStore::over(world.store().await));
        let broker = world.broker_over(store.clone());
        Agent::of(&world, "lumi").show(&broker).await;
        let caller = engineer(&broker).await;
        store.fail_after(0, fault);
        let lost = broker.submit(&caller, at(&["lumi"]), Some(key("a"))).await;
        assert!(matches!(lost, Err(Error::Store(_))), "{lost:?}");
        assert!(store.mend());
        Books::check(&broker).await;
        let again = broker.submit(&caller, at(&["lumi"]), Some(key("a"))).await;
        let books = Books::check(&broker).await;
        let jobs: Vec<String> = books.jobs.iter().map(|job| job.id.to_string()).collect();
        assert_eq!(jobs, [answer(&again.unwrap())]);
    }
}

#[tokio::test]
async fn a_refusal_is_stored_with_its_decision_and_entered() {
    let world = World::sqlite().await;
    world.import(5000, true).await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let caller = engineer(&broker).await;
    let before = Books::read(&broker).await.entries.len();
    let refused = broker.submit(&caller, at(&["lumi"]), None).await;
    let Err(Error::NotEligible(asked)) = refused else {
        panic!("{refused:?}");
    };
    let decision = asked.decision;
    let books = Books::check(&broker).await;
    assert_eq!(books.jobs.len(), 0);
    let [entry] = &books.entries[before..] else {
        panic!("{:?}", &books.entries[before..]);
    };
    assert_eq!(entry.kind, EntryKind::EligibilityDecided);
    let stored = broker.store().find_decision(entry.decision.unwrap()).await;
    let stored = stored.unwrap().unwrap();
    assert_eq!(stored.result, "not_eligible");
    assert_eq!(stored.policy_digest, decision.policy_digest);
    assert!(stored.document.contains("allocation.suspended"));
}

/// The other replica decides on what it read before the suspension; the hold is refused all the same,
/// and the answer is the one that a fresh look gives.
#[tokio::test]
async fn a_suspension_stops_the_very_next_job_at_every_replica() {
    let mut world = World::sqlite().await;
    world.limits.standing_ttl = std::time::Duration::from_mins(10);
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    submit(&broker, at(&["lumi"])).await;
    world.import(5000, true).await;
    let caller = engineer(&broker).await;
    let stale = broker.submit(&caller, at(&["lumi"]), None).await;
    assert!(matches!(stale, Err(Error::NotEligible(_))), "{stale:?}");
    assert_eq!(Books::check(&broker).await.jobs.len(), 1);
    world.import(5000, false).await;
    let other = world.broker().await;
    other.listen_once().await.unwrap();
    submit(&other, at(&["lumi"])).await;
    Books::check(&broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_submissions_for_the_last_hours_one_wins() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        // Hours of an allocation that is there stay as they are: all but four are held.
        Agent::of(&world, "lumi").show(&replicas[0]).await;
        replicas[1].listen_once().await.unwrap();
        let mut large = at(&["lumi"]);
        large.resources.nodes = 51;
        large.resources.walltime = "24h".parse().unwrap();
        submit(&replicas[0], large.clone()).await;
        let left = allocation(&replicas[0]).await.balance.remaining();
        assert_eq!(left, UnitMillis::from_hours(104));
        let mut last = at(&["lumi"]);
        last.resources.walltime = "26h".parse().unwrap();
        let submissions = replicas.iter().cycle().take(6).map(|broker| async {
            let caller = engineer(broker).await;
            broker.submit(&caller, last.clone(), None).await
        });
        let mut placed = 0;
        for answer in join_all(submissions).await {
            match answer {
                Ok(Accepted::New { job, .. }) if job.held > UnitMillis::ZERO => placed += 1,
                // It waits for what the other holds, or was told that it came too late.
                Ok(Accepted::New { .. }) | Err(Error::HoursExceeded { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(placed, 1);
        let balance = allocation(&replicas[0]).await.balance;
        assert_eq!(balance.remaining(), UnitMillis::ZERO);
        for replica in &replicas {
            assert_eq!(replica.place_pending_once().await.unwrap(), 0);
        }
        Books::check(&replicas[0]).await;
    }
}

#[tokio::test]
async fn a_foreign_project_is_not_there() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for stranger in ["somebody", "auditor"] {
        let caller = broker.caller(principal(stranger)).await.unwrap();
        let answer = broker.submit(&caller, spec(), None).await;
        assert!(
            matches!(answer, Err(Error::NotFound("project"))),
            "{answer:?}"
        );
    }
    assert_eq!(Books::check(&broker).await.jobs.len(), 0);
}

#[tokio::test]
async fn a_job_that_nobody_can_run_is_refused_with_a_clause_for_every_partition() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let caller = engineer(&broker).await;
    let mut impossible = spec();
    impossible.resources.gpus_per_node = 1000;
    let answer = broker.submit(&caller, impossible, None).await;
    let Err(Error::NoFeasiblePartition(placement)) = answer else {
        panic!("{answer:?}");
    };
    assert!(placement.considered.len() > 7);
    let explained = |it: &broker_model::Considered| !it.rejections.is_empty();
    assert!(placement.considered.iter().all(explained));
    assert_eq!(Books::check(&broker).await.jobs.len(), 0);
}

async fn listed(broker: &Broker, limit: u32) -> Vec<JobId> {
    let caller = engineer(broker).await;
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = Page { limit, before };
        let found = broker.jobs(&caller, JobFilter::default(), page).await;
        let found = found.unwrap();
        assert!(found.jobs.len() <= limit as usize);
        all.extend(found.jobs.iter().map(|job| job.id));
        before = found.next;
        if before.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn the_largest_page_has_a_next_one() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    join_all((0..401).map(|_| submit(&broker, at(&["lumi"])))).await;
    assert_eq!(listed(&broker, 200).await.len(), 401);
    assert_eq!(listed(&broker, 150).await.len(), 401);
    assert!(audit(&broker).await.entries > 800);
}
