use std::io::Cursor;

use broker_ledger::{
    Checkpoint, Hash, VerifierKey, export, leaf_hash, verify_consistency, verify_inclusion,
};
use serde_json::{Value, json};

use crate::world::World;

fn hashes(value: &Value) -> Vec<Hash> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| hash.as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn before_anything_is_sealed_there_is_no_checkpoint() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let answer = world
        .get("/api/v1/ledger/checkpoint")
        .token(&token)
        .send()
        .await;
    insta::assert_json_snapshot!(answer.problem(404, "outside-ledger"), { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:outside-ledger",
      "title": "Not Found",
      "status": 404,
      "code": "outside-ledger",
      "detail": "the ledger has no such entry or size",
      "request_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn every_entry_of_a_job_is_proven_under_the_signed_root() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.seal().await;
    let head = world
        .get("/api/v1/ledger/checkpoint")
        .token(&token)
        .send()
        .await
        .json();
    let key: VerifierKey = head["verifier_key"].as_str().unwrap().parse().unwrap();
    let checkpoint = Checkpoint::verify(head["note"].as_str().unwrap(), &[key]).unwrap();
    assert_eq!(head["tree_size"], checkpoint.size);
    let entries = world
        .get(format!("/api/v1/ledger/entries?job={id}"))
        .token(&token)
        .send()
        .await
        .json();
    let entries = entries["items"].as_array().unwrap();
    assert!(entries.len() >= 2);
    for entry in entries {
        let seq = entry["seq"].as_u64().unwrap();
        let path = format!("/api/v1/ledger/proofs/inclusion?seq={seq}");
        let view = world.get(path).token(&token).send().await.json();
        let leaf = leaf_hash(entry["entry"].as_str().unwrap().as_bytes());
        let proof = hashes(&view["proof"]);
        verify_inclusion(&leaf, seq, checkpoint.size, &proof, &checkpoint.root).unwrap();
    }
}

#[tokio::test]
async fn a_later_tree_is_proven_to_append_to_an_earlier_one() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.submitted(&token).await;
    let from = world.seal().await;
    world.submitted(&token).await;
    let to = world.seal().await;
    for (from, to) in [(from, to), (to, to), (1, to)] {
        let path = format!("/api/v1/ledger/proofs/consistency?from={from}&to={to}");
        let view = world.get(path).token(&token).send().await.json();
        let root = |name: &str| view[name].as_str().unwrap().parse::<Hash>().unwrap();
        let proof = hashes(&view["proof"]);
        verify_consistency(from, &root("from_root"), to, &root("to_root"), &proof).unwrap();
    }
    for (from, to) in [(to, from), (0, to + 1), (u64::MAX, u64::MAX)] {
        let path = format!("/api/v1/ledger/proofs/consistency?from={from}&to={to}");
        world
            .get(path)
            .token(&token)
            .send()
            .await
            .problem(404, "outside-ledger");
    }
    let path = format!("/api/v1/ledger/proofs/inclusion?seq={to}");
    world
        .get(path)
        .token(&token)
        .send()
        .await
        .problem(404, "outside-ledger");
}

#[tokio::test]
async fn the_whole_ledger_is_for_auditors_and_verifies_offline() {
    let world = World::start().await;
    let (ada, auditor) = (world.token("ada").await, world.token("auditor").await);
    world.submitted(&ada).await;
    let size = world.seal().await;
    for path in ["/api/v1/ledger/export", "/api/v1/ledger/entries"] {
        world
            .get(path)
            .token(&ada)
            .send()
            .await
            .problem(403, "forbidden");
    }
    let exported = world
        .get("/api/v1/ledger/export")
        .token(&auditor)
        .send()
        .await;
    let key = world.sealer.verifier_key().parse().unwrap();
    let verified = export::verify(Cursor::new(exported.bytes), &[key]).unwrap();
    assert_eq!(verified.entries, size);

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world
            .get(format!("/api/v1/ledger/entries?limit=7{cursor}"))
            .token(&auditor)
            .send()
            .await;
        let page = page.json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["seq"].as_u64().unwrap()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert!(seen.len() as u64 >= size);
    assert!(seen.iter().copied().eq(0..seen.len() as u64));
}

#[tokio::test]
async fn no_name_or_address_of_a_person_is_in_the_ledger() {
    let world = World::start().await;
    let (ada, auditor) = (world.token("ada").await, world.token("auditor").await);
    world.submitted(&ada).await;
    let entries = world
        .get("/api/v1/ledger/entries?limit=200")
        .token(&auditor)
        .send()
        .await;
    let text = entries.text();
    assert!(json!(entries.json())["items"].as_array().unwrap().len() > 5);
    for personal in [
        "ada",
        "people.example",
        "of the tests",
        world.issuer.issuer(),
    ] {
        assert!(!text.contains(personal), "{personal}");
    }
}
