//! Jobs that waited while something about them changed.

use broker_app::Broker;
use broker_app::setup::project_id;
use broker_model::{EntryBody, EntryKind, Job, Role, StateName};
use broker_store::{Change, Commits as _, StoredGrant, Write};

use crate::agent::Agent;
use crate::books::Books;
use crate::world::{World, at, job, submit};

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
