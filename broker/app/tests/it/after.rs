//! Jobs that wait for others, and arrays.

use broker_app::{Broker, Error};
use broker_model::{
    After, AfterWhen, ArraySpec, Clause, Job, JobSpec, JobState, OutcomeKind, StateName, UnitMillis,
};
use site_adapter::AttemptReport;

use crate::agent::{Agent, submitting, unused};
use crate::books::Books;
use crate::world::{World, allocation, at, engineer, job, spec, submit};

fn after(spec: JobSpec, first: &Job, when: AfterWhen) -> JobSpec {
    JobSpec {
        after: vec![After {
            job: first.id,
            when,
        }],
        ..spec
    }
}

async fn refusal(broker: &Broker, spec: JobSpec) -> String {
    let caller = engineer(broker).await;
    match broker.submit(&caller, spec, None).await {
        Err(Error::InvalidSpec(wrong)) => wrong[0].to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_waits_for_another_at_the_system_where_that_one_is() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let (lumi, cineca) = (Agent::of(&world, "lumi"), Agent::of(&world, "cineca"));
    lumi.show(&broker).await;
    cineca.show(&broker).await;
    let first = submit(&broker, at(&["cineca"])).await;
    let second = submit(&broker, after(spec(), &first, AfterWhen::Completed)).await;
    assert_eq!(
        second.state,
        JobState::Pending,
        "the first is at no scheduler yet"
    );
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);

    let leased = cineca.lease_one(&broker).await;
    cineca.start(&broker, leased.attempt).await;
    let running = job(&broker, first.id).await;
    assert_eq!(running.state.name(), StateName::Running);
    assert_eq!(broker.place_pending_once().await.unwrap(), 1, "{running:?}");
    let placed = job(&broker, second.id).await;
    assert_eq!(placed.state.partition().unwrap().site.as_str(), "cineca");
    let given = cineca.lease(&broker).await;
    let then = given.iter().find(|one| one.job == second.id).unwrap();
    let told = &then.work.after;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].marker, leased.attempt.to_string());
    assert_eq!(told[0].remote.to_string(), "4711");
    Books::check(&broker).await;
}

#[tokio::test]
async fn what_is_over_before_the_job_is_leased_is_not_left_to_the_scheduler() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let first = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    let good = submit(&broker, after(at(&["lumi"]), &first, AfterWhen::Completed)).await;
    let bad = submit(&broker, after(at(&["lumi"]), &first, AfterWhen::Failed)).await;
    assert_eq!(good.state.name(), StateName::Placed);
    agent.finish(&broker, &leased, 1).await;

    let then = agent.lease_one(&broker).await;
    assert_eq!((then.job, then.work.after.len()), (good.id, 0));
    broker.place_pending_once().await.unwrap();
    let bad = job(&broker, bad.id).await;
    let outcome = bad.state.outcome().unwrap();
    assert_eq!(outcome.kind, OutcomeKind::DependencyFailed);
    assert!(
        outcome.site_words.contains("has ended as completed"),
        "{outcome:?}"
    );
    assert_eq!(bad.held, UnitMillis::ZERO);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_job_that_could_never_start_is_refused_with_the_reason() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let first = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    agent
        .report(
            &broker,
            vec![
                agent.ended(leased.attempt, OutcomeKind::TimedOut),
                unused(leased.attempt),
            ],
        )
        .await;
    let words = refusal(&broker, after(spec(), &first, AfterWhen::Completed)).await;
    assert!(words.starts_with("after[0].job: "), "{words}");
    assert!(
        words.contains("has ended as timed_out, and it had to be completed"),
        "{words}"
    );
    let accepted = submit(&broker, after(at(&["lumi"]), &first, AfterWhen::Failed)).await;
    assert_eq!(accepted.state.name(), StateName::Placed);

    let mut unknown = spec();
    unknown.after = vec![After {
        job: world.ids.next(&*world.clock),
        when: AfterWhen::Ended,
    }];
    let words = refusal(&broker, unknown).await;
    assert!(words.contains("the project has no such job"), "{words}");
}

#[tokio::test]
async fn the_clause_names_the_job_that_is_waited_for() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let first = submit(&broker, at(&["lumi"])).await;
    let caller = engineer(&broker).await;
    let quote = broker
        .quote(&caller, &after(at(&["lumi"]), &first, AfterWhen::Ended))
        .await
        .unwrap();
    let considered = quote.placement.unwrap().considered;
    let lumi = considered
        .iter()
        .find(|one| one.partition.site.as_str() == "lumi")
        .unwrap();
    let clause = lumi
        .rejections
        .iter()
        .find(|one| one.clause == Clause::Dependency)
        .unwrap();
    assert!(
        clause.temporary && clause.words.contains(&first.id.to_string()),
        "{clause:?}"
    );
}

#[tokio::test]
async fn an_array_holds_for_all_its_tasks_and_is_charged_for_what_they_ran() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let mut array = at(&["lumi"]);
    array.array = Some(ArraySpec {
        tasks: 5,
        at_once: Some(2),
    });
    let placed = submit(&broker, array).await;
    assert_eq!(
        placed.held,
        UnitMillis::from_hours(20),
        "five tasks of an hour with four GPUs"
    );
    let leased = agent.lease_one(&broker).await;
    assert_eq!(leased.work.array.map(|array| array.tasks), Some(5));
    agent.start(&broker, leased.attempt).await;
    world.pass(3600);
    let mut usage = agent.usage(&leased, 60);
    usage.elapsed_seconds = Some(5 * 1800);
    let events = vec![
        agent.ended(leased.attempt, OutcomeKind::Completed),
        AttemptReport::Usage {
            attempt: leased.attempt,
            usage: Some(usage),
            account: None,
        },
    ];
    agent.report(&broker, events).await;
    let balance = allocation(&broker).await.balance;
    assert_eq!(balance.used, UnitMillis::from_hours(10));
    assert_eq!(balance.held, UnitMillis::ZERO);
    Books::check(&broker).await;
}

#[tokio::test]
async fn a_queued_job_says_why_it_waits_and_the_ledger_does_not() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent
        .report(&broker, vec![submitting(leased.attempt)])
        .await;
    agent
        .report(&broker, vec![agent.accepted(leased.attempt)])
        .await;
    let entries = Books::check(&broker).await.entries.len();
    let waiting = |reason: &str| AttemptReport::Waiting {
        attempt: leased.attempt,
        reason: Some(reason.to_owned()),
        expected_start: Some(world.now()),
    };
    agent
        .report(&broker, vec![waiting("PartitionTimeLimit")])
        .await;
    let state = job(&broker, placed.id).await.state;
    assert_eq!(
        state.waits(),
        Some((Some("PartitionTimeLimit"), Some(world.now())))
    );
    agent
        .report(&broker, vec![waiting(&"node ".repeat(1000))])
        .await;
    let state = job(&broker, placed.id).await.state;
    assert_eq!(state.waits().unwrap().0.unwrap().len(), 500);
    assert_eq!(Books::check(&broker).await.entries.len(), entries);
    agent
        .report(
            &broker,
            vec![agent.started(leased.attempt), waiting("late")],
        )
        .await;
    assert_eq!(
        job(&broker, placed.id).await.state.name(),
        StateName::Running
    );
}
