//! What is kept of a person, over HTTP.

use std::collections::BTreeSet;

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::entitlement::organisation;
use crate::world::World;

/// What people do with what is kept of them: walked through here.
pub(crate) fn is_of_it(path: &str) -> bool {
    path.starts_with("/api/v1/me/")
}

#[tokio::test]
async fn every_wish_of_a_person_leaves_an_entry_that_names_nobody() {
    let world = World::start().await;
    world.by("sue", "GET", "/api/v1/whoami", &Value::Null).await;
    let mut left: BTreeSet<_> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && is_of_it(path))
        .collect();
    let path = "/api/v1/me/erasure-request";
    let before = world.store.ledger_size().await.unwrap();
    let first = world.by("sue", "POST", path, &json!({})).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let again = world.by("sue", "POST", path, &json!({})).await;
    assert_eq!(first.json(), again.json());
    assert_eq!(world.store.ledger_size().await.unwrap() - before, 1);
    let entry = world.store.entries(before, 1).await.unwrap().remove(0);
    assert!(
        entry.text.contains("person.erasure_requested"),
        "{}",
        entry.text
    );
    assert!(
        entry
            .text
            .contains(first.json()["person"].as_str().unwrap())
    );
    assert!(!entry.text.contains("sue"), "{}", entry.text);
    assert!(left.remove(&("POST", path.to_owned())));
    let before = world.store.ledger_size().await.unwrap();
    let withdrawn = world.by("sue", "DELETE", path, &Value::Null).await;
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text());
    let again = world.by("sue", "DELETE", path, &Value::Null).await;
    again.problem(409, "not-waiting");
    assert_eq!(world.store.ledger_size().await.unwrap() - before, 1);
    assert!(left.remove(&("DELETE", path.to_owned())));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_person_is_told_all_of_themselves_and_nothing_of_others() {
    let world = World::start().await;
    let made = world
        .made("sue", "/api/v1/organisations", &organisation())
        .await;
    let of = format!(
        "/api/v1/organisations/{}/evidence",
        made["id"].as_str().unwrap()
    );
    let evidence = json!({ "kind": "ai_act_self_assessment", "issued_on": "2026-10-01",
        "source": "form 12" });
    world.made("sue", &of, &evidence).await;
    world
        .by("sue", "POST", "/api/v1/me/erasure-request", &json!({}))
        .await;
    let told = world
        .by("sue", "GET", "/api/v1/me/export", &Value::Null)
        .await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!(told["format"], "alcyone-person-export/1");
    assert_eq!(told["dossiers"][0]["content"]["source"], "form 12");
    assert_eq!(told["roles"][0]["role"], "representative");
    assert!(told["erasure"]["asked_at"].is_string(), "{told}");
    let me = world.by("sue", "GET", "/api/v1/whoami", &Value::Null).await;
    assert_eq!(told["identity"]["subject"], me.json()["subject"]);

    let other = world
        .by("rita", "GET", "/api/v1/me/export", &Value::Null)
        .await;
    let other = other.json();
    assert_eq!(other["dossiers"], json!([]));
    assert!(!other.to_string().contains("form 12"));
    assert_ne!(other["person"], told["person"]);
}
