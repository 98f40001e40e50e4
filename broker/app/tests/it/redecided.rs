//! Jobs that waited while something about them changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_app::jobs::Accepted;
use broker_app::setup::project_id;
use broker_app::{Broker, RoleRule};
use broker_model::{Entitlement, EntryBody, EntryKind, Job, Principal, Role, StateName};
use broker_store::{Change, Commits as _, StoredDecision, StoredGrant, Write};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{ISSUER, World, at, job, principal, submit};

async fn decisions_on(broker: &Broker, job: &Job) -> Vec<EntryBody> {
    let mut entries = Books::read(broker).await.entries;
    entries.retain(|it| it.kind == EntryKind::EligibilityDecided && it.job == Some(job.id));
    entries
}

#[tokio::test]
async fn a_job_whose_evidence_ran_out_while_it_waited_is_placed_once_it_is_renewed() {
    let world = World::sqlite().await;
    world.import_aging("2026-10-01", "2026-11-30").await;
    let broker = world.broker().await;
    let mut wish = at(&["lumi"]);
    wish.project = project_id("aging");
    let waiting = submit(&broker, wish).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    world.pass(20 * 86_400);
    Agent::of(&world, "lumi").show(&broker).await;
    for _ in 0..3 {
        assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    }
    let entries = decisions_on(&broker, &waiting).await;
    assert_eq!(entries.len(), 1, "it is entered once, not each second");
    assert_eq!(entries[0].data["result"], "needs_evidence");
    let kept = job(&broker, waiting.id).await;
    assert_eq!(kept.state.name(), StateName::Pending);
    assert_eq!(Some(kept.decision), entries[0].decision);
    let why = broker.store().find_decision(kept.decision).await.unwrap();
    assert!(why.unwrap().document.contains("ethics.expired"));

    world.import_aging("2026-12-05", "2027-12-05").await;
    let broker = world.broker().await;
    broker.listen_once().await.unwrap();
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let placed = job(&broker, waiting.id).await;
    assert_eq!(placed.state.name(), StateName::Placed);
    let entries = decisions_on(&broker, &waiting).await;
    assert_eq!(entries.last().unwrap().data["result"], "eligible");
    assert_eq!(entries.last().unwrap().decision, Some(placed.decision));
}

#[tokio::test]
async fn a_job_whose_owner_left_the_project_while_it_waited_ends() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let waiting = submit(&broker, at(&["lumi"])).await;
    let role = Role::Member {
        project: project_id("sample"),
    };
    let person = waiting.owner;
    let change = Change {
        writes: vec![Write::RemoveGrant(StoredGrant { person, role })],
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
    Agent::of(&world, "lumi").show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let over = job(&broker, waiting.id).await;
    assert_eq!(over.state.name(), StateName::Failed);
    let words = &over.state.outcome().unwrap().site_words;
    assert!(words.contains("owner"), "{words}");
    Books::check(&broker).await;
}

/// Puts a decision in the place of a job's as a broker before the terms of allocations were facts would
/// have stored it, with a word that no broker knows.
async fn decided_long_ago(world: &World, broker: &Broker, of: &Job) {
    let mut job = job(broker, of.id).await;
    let made = broker.store().find_decision(job.decision).await.unwrap();
    let made = made.unwrap();
    let mut document: Value = serde_json::from_str(&made.document).unwrap();
    document["question"]["allocation"] = json!({
        "remaining_unit_ms": 360_000_000,
        "suspended": false,
        "valid_from": "2026-11-01",
        "valid_until": "2031-11-01",
    });
    document["question"]["applicant"]["left_out_since"] = json!(true);
    job.decision = world.ids.next(&*world.clock);
    let old = StoredDecision {
        id: job.decision,
        document: document.to_string(),
        ..made
    };
    let change = Change {
        writes: vec![
            Write::InsertDecision(Box::new(old)),
            Write::UpdateJob(Box::new(job)),
        ],
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
}

#[tokio::test]
async fn a_job_that_was_decided_on_by_an_older_broker_is_decided_on_and_placed() {
    let world = World::sqlite().await;
    world.import_aging("2026-10-01", "2026-11-30").await;
    let broker = world.broker().await;
    let mut wish = at(&["lumi"]);
    wish.project = project_id("aging");
    let waiting = submit(&broker, wish).await;
    decided_long_ago(&world, &broker, &waiting).await;
    world.pass(20 * 86_400);
    Agent::of(&world, "lumi").show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    assert_eq!(decisions_on(&broker, &waiting).await.len(), 1);
    decided_long_ago(&world, &broker, &waiting).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 0);
    let entries = decisions_on(&broker, &waiting).await;
    assert_eq!(entries.len(), 1, "it says already what is wrong");
    world.import_aging("2026-12-05", "2027-12-05").await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let placed = job(&broker, waiting.id).await;
    assert_eq!(placed.state.name(), StateName::Placed);
}

#[tokio::test]
async fn an_owner_by_entitlement_has_not_left_while_a_rule_of_the_issuer_gives_the_role() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let group = Entitlement {
        namespace: "urn:geant:example.eu".to_owned(),
        group: vec!["sample".to_owned()],
        role: None,
        authority: None,
    };
    let rule = |issuer: &str, project: &str| RoleRule {
        issuer: issuer.to_owned(),
        entitlement: group.clone(),
        role: Role::Lead {
            project: project_id(project),
        },
    };
    broker.put_role_rules(vec![rule(ISSUER, "sample")]);
    let guest = Principal {
        entitlements: BTreeSet::from([group.clone()]),
        ..Principal::clone(&principal("guest"))
    };
    let guest = broker.caller(Arc::new(guest)).await.unwrap();
    let wait = async || match broker.submit(&guest, at(&["lumi"]), None).await.unwrap() {
        Accepted::New { job } => job,
        Accepted::Repeated(_) => panic!("no key, no repeat"),
    };
    let agent = Agent::of(&world, "lumi");
    let first = wait().await;
    assert_eq!(first.state.name(), StateName::Pending);
    agent.show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
    let placed = job(&broker, first.id).await;
    assert_eq!(placed.state.name(), StateName::Placed);

    world.pass(3600);
    let second = wait().await;
    assert_eq!(second.state.name(), StateName::Pending);
    broker.put_role_rules(vec![
        rule("https://other.example.eu", "sample"),
        rule(ISSUER, "aging"),
    ]);
    agent.show(&broker).await;
    broker.place_pending_once().await.unwrap();
    let over = job(&broker, second.id).await;
    assert_eq!(over.state.name(), StateName::Failed);
    let words = &over.state.outcome().unwrap().site_words;
    assert!(words.contains("owner"), "{words}");
}

#[tokio::test]
async fn a_job_whose_allocation_ended_while_it_waited_ends_and_says_so() {
    let world = World::sqlite().await;
    let term = ("brief", 100, "2026-11-01T00:00:00Z", "2026-11-21T00:00:00Z");
    world.import_project("short", &[term]).await;
    let broker = world.broker().await;
    let mut wish = at(&["lumi"]);
    wish.project = project_id("short");
    let waiting = submit(&broker, wish).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    world.pass(86_400);
    broker.place_pending_once().await.unwrap();
    let over = job(&broker, waiting.id).await;
    assert_eq!(over.state.name(), StateName::Failed);
    assert_eq!(
        over.state.outcome().unwrap().site_words,
        "its allocation ended at 2026-11-21T00:00:00Z, before a partition could take it"
    );
    let placement = broker.store().find_placement(waiting.id).await.unwrap();
    let mut considered = placement.unwrap().considered.into_iter();
    assert!(considered.all(|one| one.rejections.iter().any(|it| it.words.contains("ended"))));
}

#[tokio::test]
async fn a_job_of_a_vetted_person_that_waited_is_placed() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let mut guest = Principal::clone(&principal("engineer"));
    guest.assurance.identity = broker_model::IdentityAssurance::Low;
    let guest = Arc::new(guest);
    let person = broker.caller(Arc::clone(&guest)).await.unwrap().person;
    let change = Change {
        writes: vec![Write::PutGrant(StoredGrant {
            person,
            role: Role::Vetted,
        })],
        entries: Vec::new(),
    };
    world.store().await.commit(change).await.unwrap();
    let broker = world.broker().await;
    let caller = broker.caller(guest).await.unwrap();
    let Accepted::New { job: waiting, .. } =
        broker.submit(&caller, at(&["lumi"]), None).await.unwrap()
    else {
        panic!("it is new");
    };
    assert_eq!(waiting.state.name(), StateName::Pending);
    Agent::of(&world, "lumi").show(&broker).await;
    assert_eq!(broker.place_pending_once().await.unwrap(), 1);
}
