use broker_app::{Answer, Broker, Error, MOST_AT_ONCE};
use broker_model::{
    Automation, EntryKind, HoldReason, Job, JobId, OutcomeKind, Role, SiteId, StateName,
    UnitMillis, Verdict,
};
use broker_store::{Change, Commits as _, Identities as _, Write};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::agent::Agent;
use crate::books::Books;
use crate::sites::with_role;
use crate::world::{World, allocation, at, engineer, job, principal, setup, spec, submit};

const WEEK: i64 = 7 * 24 * 3600;

/// LUMI wants a person for each job; the others take programs.
async fn asking() -> World {
    let mut world = World::sqlite().await;
    world.let_in("lumi", Automation::HumanConfirm);
    world
}

async fn answer(broker: &Broker, who: &str, id: JobId, answer: Answer) -> Result<Job, Error> {
    let caller = broker.caller(principal(who)).await.unwrap();
    let lumi = "lumi".parse().unwrap();
    broker.answer_confirmation(&caller, &lumi, id, answer).await
}

fn no(reason: &str) -> Answer {
    Answer::Decline {
        reason: reason.to_owned(),
    }
}

async fn asked(world: &World, broker: &Broker) -> Job {
    Agent::of(world, "lumi").show(broker).await;
    let job = submit(broker, at(&["lumi"])).await;
    let (reason, since) = job.state.waits_for().unwrap();
    assert_eq!((reason, since), (HoldReason::Confirmation, world.now()));
    job
}

#[tokio::test]
async fn a_job_waits_with_its_hours_held_until_a_person_of_the_site_lets_it_in() {
    for mut world in World::each().await {
        world.let_in("lumi", Automation::HumanConfirm);
        let broker = world.broker().await;
        let waiting = asked(&world, &broker).await;
        assert_eq!(waiting.held, UnitMillis::from_hours(4));
        assert_eq!(waiting.state.partition().unwrap().site.as_str(), "lumi");
        let agent = Agent::of(&world, "lumi");
        assert_eq!(agent.lease(&broker).await, [], "nobody has let it in");
        Books::check(&broker).await;

        let placed = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
        let placed = placed.unwrap();
        assert_eq!(placed.state.name(), StateName::Placed);
        assert_eq!(placed.held, waiting.held);
        let leased = agent.lease_one(&broker).await;
        assert_eq!(leased.job, waiting.id);
        let books = Books::check(&broker).await;
        let mut said = books.entries.iter();
        let said = said
            .find(|it| it.kind == EntryKind::JobConfirmation)
            .unwrap();
        let admin = broker.caller(principal("admin")).await.unwrap();
        assert_eq!(said.actor, Some(admin.person));
        assert_eq!(said.data["verdict"], "confirmed");

        let again = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
        assert!(matches!(again, Err(Error::NotWaiting(_))), "{again:?}");
    }
}

#[tokio::test]
async fn only_a_person_of_the_site_may_answer_and_an_operator_may_look() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    for who in ["engineer", "auditor", "operator", "somebody"] {
        let refused = answer(&broker, who, waiting.id, Answer::Confirm).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{who}: {refused:?}"
        );
    }
    let lumi = "lumi".parse().unwrap();
    for (who, may) in [("admin", true), ("operator", true), ("engineer", false)] {
        let caller = broker.caller(principal(who)).await.unwrap();
        let list = broker.confirmations(&caller, &lumi, None).await;
        assert_eq!(list.is_ok(), may, "{who}");
    }
    assert_eq!(job(&broker, waiting.id).await, waiting);
}

#[tokio::test]
async fn a_site_sees_what_it_needs_to_judge_and_of_the_person_a_pseudonym() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    let lumi = "lumi".parse().unwrap();
    let list = broker.confirmations_at(&lumi, None).await.unwrap();
    let [one] = &list[..] else { panic!("{list:?}") };
    assert_eq!(one.job, waiting.id);
    assert_eq!(one.organisation_name, "Sample Start-up");
    assert_eq!(one.project_name, "Sample");
    assert_eq!(one.script, "echo rocm");
    assert!(one.grounds.iter().any(|it| it.source.contains("2021/1173")));
    assert_eq!(
        one.expires_at,
        world.now() + SignedDuration::from_secs(WEEK)
    );
    assert!(!format!("{one:?}").contains("engineer"), "{one:?}");
    let after = broker.confirmations_at(&lumi, Some(waiting.id)).await;
    assert!(after.unwrap().is_empty());
}

#[tokio::test]
async fn a_list_of_fewer_than_the_most_is_whole_whatever_else_is_held_there() {
    let mut world = World::sqlite().await;
    world.let_in("lumi", Automation::Handoff);
    let carried = world.broker().await;
    Agent::of(&world, "lumi").show(&carried).await;
    let most = MOST_AT_ONCE as usize;
    for _ in 0..most - 2 {
        submit(&carried, at(&["lumi"])).await;
    }
    world.let_in("lumi", Automation::HumanConfirm);
    let broker = world.broker().await;
    for _ in 0..5 {
        asked(&world, &broker).await;
    }
    let lumi = "lumi".parse().unwrap();
    let list = broker.confirmations_at(&lumi, None).await.unwrap();
    assert_eq!(list.len(), 5);
}

#[tokio::test]
async fn whose_job_waits_is_named_to_those_alone_who_may_see_names() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    let store = world.store().await;
    let mut owner = store.find_person(waiting.owner).await.unwrap().unwrap();
    owner.name = Some("Ada Example".to_owned());
    let change = Change {
        writes: vec![Write::PutPerson(Box::new(owner))],
        entries: Vec::new(),
    };
    store.commit(change).await.unwrap();
    let lumi: SiteId = "lumi".parse().unwrap();
    let sees = Role::SiteAdmin {
        site: lumi.clone(),
        sees_people: true,
    };
    let nils = with_role(&world, &broker, "nils", sees).await;
    let [lena, op] = ["admin", "operator"];
    for caller in [
        broker.caller(principal(lena)).await.unwrap(),
        broker.caller(principal(op)).await.unwrap(),
    ] {
        let list = broker.confirmations(&caller, &lumi, None).await.unwrap();
        assert_eq!((list[0].owner, &list[0].owner_name), (waiting.owner, &None));
    }
    let list = broker.confirmations_at(&lumi, None).await.unwrap();
    assert_eq!(
        list[0].owner_name, None,
        "the agent speaks for anybody there"
    );
    let list = broker.confirmations(&nils, &lumi, None).await.unwrap();
    assert_eq!(list[0].owner_name.as_deref(), Some("Ada Example"));
}

#[tokio::test]
async fn a_declined_job_goes_where_it_still_can_and_the_user_reads_why() {
    let world = asking().await;
    let broker = world.broker().await;
    let mine = asked(&world, &broker).await;
    Agent::of(&world, "bsc").show(&broker).await;
    let either = submit(&broker, at(&["lumi", "bsc"])).await;
    assert_eq!(
        either.state.name(),
        StateName::Placed,
        "a program is let in at once"
    );

    let empty = answer(&broker, "admin", mine.id, no(" \n")).await;
    assert!(matches!(empty, Err(Error::InvalidSpec(_))), "{empty:?}");
    let back = answer(&broker, "admin", mine.id, no("not before December")).await;
    let back = back.unwrap();
    assert_eq!(
        (back.state.name(), back.held),
        (StateName::Pending, UnitMillis::ZERO)
    );
    let partitions: Vec<_> = back.refused_by.iter().map(|it| it.site.as_str()).collect();
    assert!(partitions.len() > 1 && partitions.iter().all(|it| *it == "lumi"));
    Books::check(&broker).await;

    broker.place_pending_once().await.unwrap();
    let over = job(&broker, mine.id).await;
    let outcome = over.state.outcome().unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    let words = "lumi did not confirm it: not before December";
    assert!(
        outcome.site_words.ends_with(words),
        "{}",
        outcome.site_words
    );
    let owner = engineer(&broker).await;
    let said = broker.confirmations_of(&owner, mine.id).await.unwrap();
    assert_eq!(said[0].verdict, Verdict::Declined);
    let books = Books::check(&broker).await;
    let told = format!("{:?}", books.entries);
    assert!(
        !told.contains("December"),
        "the site's words are not in the ledger"
    );
}

#[tokio::test]
async fn what_nobody_answers_in_a_week_counts_as_declined() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    world.pass(WEEK - 1);
    assert_eq!(broker.expire_confirmations_once().await.unwrap(), 0);
    world.pass(1);
    assert_eq!(broker.expire_confirmations_once().await.unwrap(), 1);
    let back = job(&broker, waiting.id).await;
    assert_eq!(back.state.name(), StateName::Pending);
    let said = broker.store().confirmations_of(waiting.id).await.unwrap();
    assert_eq!((said[0].verdict, said[0].by), (Verdict::Expired, None));
    let words = said[0].reason.as_deref();
    assert_eq!(words, Some("nobody there answered within 168 hours"));
    assert_eq!(broker.expire_confirmations_once().await.unwrap(), 0);
    Books::check(&broker).await;
    let late = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_here_and_now() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    let owner = engineer(&broker).await;
    let over = broker.cancel(&owner, waiting.id).await.unwrap();
    assert_eq!(over.state.name(), StateName::Cancelled);
    let late = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
    assert!(matches!(late, Err(Error::NotFound(_))), "{late:?}");
    Books::check(&broker).await;
    assert_eq!(allocation(&broker).await.balance.held, UnitMillis::ZERO);
}

#[tokio::test]
async fn a_job_whose_allocation_ended_while_it_waited_is_not_let_in() {
    for by_answer in [true, false] {
        let world = asking().await;
        let broker = world.broker().await;
        Agent::of(&world, "lumi").show(&broker).await;
        let mut file = setup();
        let grant = crate::world::allocation_of(&mut file);
        grant.valid_until = world.now() + SignedDuration::from_secs(WEEK / 2);
        broker.import(&file).await.unwrap();
        let waiting = submit(&broker, at(&["lumi"])).await;
        world.pass(WEEK / 2);
        if by_answer {
            let late = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
            assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
        } else {
            assert_eq!(broker.expire_confirmations_once().await.unwrap(), 1);
        }
        let over = job(&broker, waiting.id).await;
        let words = &over.state.outcome().unwrap().site_words;
        assert!(words.starts_with("its allocation ended at "), "{words}");
        assert_eq!(broker.lapse_once().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn evidence_that_ran_out_while_a_job_waited_keeps_it_out() {
    let world = asking().await;
    let broker = world.broker().await;
    world.import_aging("2026-10-01", "2026-11-22").await;
    Agent::of(&world, "lumi").show(&broker).await;
    let mut aging = at(&["lumi"]);
    aging.project = broker_app::setup::project_id("aging");
    let waiting = submit(&broker, aging).await;
    assert_eq!(waiting.state.name(), StateName::Held);
    world.pass(3 * 24 * 3600);
    let late = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
    assert!(matches!(late, Err(Error::NotWaiting(_))), "{late:?}");
    let back = job(&broker, waiting.id).await;
    assert_eq!(
        (back.state.name(), back.held),
        (StateName::Pending, UnitMillis::ZERO)
    );
    assert_ne!(back.decision, waiting.decision);
}

#[tokio::test]
async fn a_suspended_allocation_lets_nothing_in_and_the_job_waits_on() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    world.import(5000, true).await;
    let refused = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
    assert!(matches!(refused, Err(Error::NotWaiting(_))), "{refused:?}");
    world.import(5000, false).await;
    let placed = answer(&broker, "admin", waiting.id, Answer::Confirm).await;
    assert_eq!(placed.unwrap().state.name(), StateName::Placed);
}

#[tokio::test]
async fn a_local_person_answers_through_the_agent_and_the_ledger_has_no_name_of_theirs() {
    let world = asking().await;
    let broker = world.broker().await;
    let waiting = asked(&world, &broker).await;
    let (agent, lumi) = (Agent::of(&world, "lumi"), "lumi".parse().unwrap());
    let by = (agent.id, "hpcmaia");
    let placed = broker.answer_confirmation_at(by, &lumi, waiting.id, Answer::Confirm);
    assert_eq!(placed.await.unwrap().state.name(), StateName::Placed);
    let books = Books::check(&broker).await;
    let mut said = books.entries.iter();
    let said = said
        .find(|it| it.kind == EntryKind::JobConfirmation)
        .unwrap();
    assert_eq!(said.data["agent"], agent.id.to_string());
    let person = broker.store().find_person(said.actor.unwrap()).await;
    assert_eq!(person.unwrap().unwrap().subject, "hpcmaia");
    assert!(!format!("{:?}", books.entries).contains("hpcmaia"));
    let other = "bsc".parse().unwrap();
    let foreign = broker.answer_confirmation_at(by, &other, waiting.id, Answer::Confirm);
    assert!(matches!(foreign.await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn of_two_who_answer_at_once_one_is_heard() {
    let world = asking().await;
    let (one, other) = (world.broker().await, world.broker().await);
    let waiting = asked(&world, &one).await;
    let (yes, declined) = futures::join!(
        answer(&one, "admin", waiting.id, Answer::Confirm),
        answer(&other, "admin", waiting.id, no("full")),
    );
    assert_eq!(
        u32::from(yes.is_ok()) + u32::from(declined.is_ok()),
        1,
        "{yes:?} {declined:?}"
    );
    assert_eq!(
        one.store()
            .confirmations_of(waiting.id)
            .await
            .unwrap()
            .len(),
        1
    );
    Books::check(&one).await;
}

/// What may happen around a waiting job, in any order.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Submit,
    Confirm(usize),
    Decline(usize),
    Cancel(usize),
    Expire,
    Place,
    Lease,
    Days(i64),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => Just(Deed::Submit),
        2 => (0_usize..4).prop_map(Deed::Confirm),
        1 => (0_usize..4).prop_map(Deed::Decline),
        1 => (0_usize..4).prop_map(Deed::Cancel),
        1 => Just(Deed::Expire),
        1 => Just(Deed::Place),
        2 => Just(Deed::Lease),
        1 => (1_i64..5).prop_map(Deed::Days),
    ]
}

async fn do_all(deeds: Vec<Deed>) {
    let world = asking().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    let owner = engineer(&broker).await;
    let mut jobs: Vec<JobId> = Vec::new();
    for deed in deeds {
        agent.show(&broker).await;
        let one = |at: usize| jobs.get(at % jobs.len().max(1)).copied();
        match deed {
            Deed::Submit => {
                let job = world.submit_in_turn(&broker, at(&["lumi"])).await;
                jobs.push(job.id);
            }
            Deed::Confirm(at) => {
                if let Some(id) = one(at) {
                    let _any = answer(&broker, "admin", id, Answer::Confirm).await;
                }
            }
            Deed::Decline(at) => {
                if let Some(id) = one(at) {
                    let _any = answer(&broker, "admin", id, no("no")).await;
                }
            }
            Deed::Cancel(at) => {
                if let Some(id) = one(at) {
                    let _any = broker.cancel(&owner, id).await;
                }
            }
            Deed::Expire => drop(broker.expire_confirmations_once().await.unwrap()),
            Deed::Place => drop(broker.place_pending_once().await.unwrap()),
            Deed::Lease => drop(agent.lease(&broker).await),
            Deed::Days(days) => world.pass(days * 24 * 3600),
        }
        let books = Books::check(&broker).await;
        for attempt in &books.attempts {
            let said = broker.store().confirmations_of(attempt.job).await.unwrap();
            let confirmed = said.iter().any(|it| it.verdict == Verdict::Confirmed);
            assert!(confirmed, "{attempt:?} after {deed:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_attempt_is_made_without_a_confirmation_and_the_hours_add_up(
        deeds in prop::collection::vec(any_deed(), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { let mut it = runtime; it.enable_all().build().unwrap() };
        runtime.block_on(do_all(deeds));
    }
}

#[tokio::test]
async fn a_site_that_asks_is_taken_when_the_others_are_much_busier() {
    let world = asking().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let only = submit(&broker, spec()).await;
    assert_eq!(
        only.state.name(),
        StateName::Held,
        "no other site is heard of"
    );
    Agent::of(&world, "meluxina").show(&broker).await;
    let soon = submit(&broker, spec()).await;
    assert_eq!(soon.state.partition().unwrap().site.as_str(), "meluxina");
}
