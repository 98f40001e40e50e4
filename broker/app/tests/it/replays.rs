//! What is stored of a decision or a placing is enough to make it again, byte for byte.

use std::collections::BTreeMap;

use broker_app::Broker;
use broker_app::replay::{
    BoardParts, PlacingInputs, ReplayError, decide_again, digest, place_again, replay_placement,
};
use broker_model::{EntryBody, EntryKind, Job, StateName};
use broker_store::StoredPlacement;

use crate::agent::{Agent, refused};
use crate::books::Books;
use crate::world::{World, at, job, submit};

async fn placings(broker: &Broker, job: &Job) -> Vec<StoredPlacement> {
    broker.store().placements_of(job.id).await.unwrap()
}

/// Makes every placing of a job again; the ledger's digests are those of what is stored.
async fn is_made_again(broker: &Broker, of: &Job) -> Vec<StoredPlacement> {
    let stored = placings(broker, of).await;
    for one in &stored {
        let again = replay_placement(&**broker.store(), &of.spec, one).await;
        assert_eq!(again.unwrap(), one.document);
    }
    let entries = Books::check(broker).await.entries;
    let text = |entry: &EntryBody, key: &str| entry.data[key].as_str().unwrap().to_owned();
    let told: Vec<_> = entries
        .iter()
        .filter(|it| it.job == Some(of.id) && it.data.contains_key("placement_sha256"))
        .map(|it| (text(it, "placement_sha256"), text(it, "inputs_sha256")))
        .collect();
    let kept: Vec<_> = stored
        .iter()
        .map(|it| (digest(&it.document), digest(&it.inputs)))
        .collect();
    assert_eq!(told, kept);
    stored
}

#[tokio::test]
async fn a_placing_and_the_one_after_a_refusal_are_made_again_from_their_rows() {
    for world in World::each().await {
        let broker = world.broker().await;
        let agents = ["lumi", "cineca"].map(|site| Agent::of(&world, site));
        for agent in &agents {
            agent.show(&broker).await;
        }
        let mut wish = at(&["lumi", "cineca"]);
        wish.placement.prefer = vec!["lumi".parse().unwrap()];
        let first = submit(&broker, wish).await;
        let id = agents[0].lease_one(&broker).await.attempt;
        agents[0].report(&broker, vec![refused(id, "full")]).await;
        world.pass(7);
        agents[1].show(&broker).await;
        assert_eq!(broker.place_pending_once().await.unwrap(), 1);
        let again = job(&broker, first.id).await;
        assert_eq!(again.state.name(), StateName::Placed);
        let stored = is_made_again(&broker, &again).await;
        assert_eq!(stored.len(), 2, "the first is still there");
        assert_eq!(stored[0].job_version, 1);
        assert_eq!(stored[1].job_version, again.version);
        let shown = broker.store().find_placement(first.id).await.unwrap();
        let newest = serde_json::from_str(&stored[1].document).unwrap();
        assert_eq!(shown, Some(newest));
    }
}

#[tokio::test]
async fn the_placing_of_a_job_that_waits_or_that_nobody_takes_is_made_again() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let waiting = submit(&broker, at(&["bsc"])).await;
    assert_eq!(waiting.state.name(), StateName::Pending);
    assert_eq!(is_made_again(&broker, &waiting).await.len(), 1);
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let unwanted = submit(&broker, at(&["lumi"])).await;
    while !job(&broker, unwanted.id).await.state.is_final() {
        let id = agent.lease_one(&broker).await.attempt;
        agent.report(&broker, vec![refused(id, "no")]).await;
        broker.place_pending_once().await.unwrap();
    }
    assert!(is_made_again(&broker, &unwanted).await.len() > 1);
}

#[tokio::test]
async fn jobs_placed_on_one_board_share_it_and_a_changed_one_is_noticed() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let mut boards = Vec::new();
    for _ in 0..2 {
        let placed = submit(&broker, at(&["lumi"])).await;
        let stored = placings(&broker, &placed).await.remove(0);
        let inputs: PlacingInputs = serde_json::from_str(&stored.inputs).unwrap();
        boards.push((placed, stored, inputs));
    }
    assert_eq!(boards[0].2.board, boards[1].2.board);
    let (placed, stored, inputs) = boards.remove(0);
    let document = async |name: &str| {
        let found = broker.store().find_board_document(name).await;
        (name.to_owned(), found.unwrap().unwrap())
    };
    let board = document(&inputs.board).await;
    let parts: BoardParts = serde_json::from_str(&board.1).unwrap();
    let mut documents = BTreeMap::from([board, document(&parts.zones).await]);
    for site in &parts.sites {
        documents.extend([document(&site.site).await]);
        if let Some(partitions) = &site.partitions {
            documents.extend([document(partitions).await]);
        }
    }
    let again = place_again(&placed.spec, &inputs, &documents).unwrap();
    assert_eq!(again, stored.document);
    let site = documents.get_mut(&parts.sites[0].site).unwrap();
    *site = site.replacen("true", "false", 1) + " ";
    let changed = place_again(&placed.spec, &inputs, &documents);
    assert!(matches!(changed, Err(ReplayError::Changed(_))));
    documents.remove(&parts.sites[0].site);
    let missing = place_again(&placed.spec, &inputs, &documents);
    assert!(matches!(missing, Err(ReplayError::Missing(_))));
}

#[tokio::test]
async fn a_report_that_tells_nothing_new_makes_no_new_board_and_silence_makes_one() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    let board_of = async |job: &Job| {
        let stored = is_made_again(&broker, job).await.remove(0);
        let inputs: PlacingInputs = serde_json::from_str(&stored.inputs).unwrap();
        inputs.board
    };
    agent.show(&broker).await;
    let first = submit(&broker, at(&["lumi"])).await;
    world.pass(30);
    agent.show(&broker).await;
    let second = submit(&broker, at(&["lumi"])).await;
    assert_eq!(board_of(&first).await, board_of(&second).await);
    let ttl = world.limits.site_state_ttl.as_secs();
    world.pass(i64::try_from(ttl).unwrap() + 1);
    let third = submit(&broker, at(&["lumi"])).await;
    assert_eq!(third.state.name(), StateName::Pending);
    assert_ne!(board_of(&third).await, board_of(&first).await);
}

#[tokio::test]
async fn a_decision_is_made_again_from_its_row() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let stored = broker.store().find_decision(placed.decision).await;
    let stored = stored.unwrap().unwrap();
    let policy = broker.policy();
    assert_eq!(policy.digest(), stored.policy_digest);
    let again = decide_again(&policy, &stored.document).unwrap();
    assert_eq!(again, stored.document);
    let books = Books::check(&broker).await;
    let mut entries = books.entries.iter();
    let entry = entries.find(|it| it.kind == EntryKind::EligibilityDecided);
    let document: serde_json::Value = serde_json::from_str(&again).unwrap();
    let inputs = &document["decision"]["inputs_digest"];
    assert_eq!(entry.unwrap().data["inputs_digest"], *inputs);
}
