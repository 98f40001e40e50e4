//! The single point of contact over HTTP.

use std::collections::BTreeSet;

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::entitlement::organisation;
use crate::world::World;

/// Whose order matters: walked through here.
pub(crate) fn is_of_it(path: &str) -> bool {
    let own = path.starts_with("/api/v1/referrals") || path.ends_with("/interest");
    own || path.ends_with("/profile")
}

fn need() -> Value {
    json!({ "services": ["training"], "language": "en", "country": "FR" })
}

fn profile(side: &str) -> Value {
    json!({ "side": side, "sectors": ["health"], "seeks": "A partner for trials.",
        "offers": "Models of proteins.", "contact": "hello@side.example" })
}

async fn registered(world: &World, who: &str, vat: Option<&str>) -> String {
    let mut draft = organisation();
    draft["startup"] = json!(who == "sue");
    draft["name"] = json!(format!("House of {who}"));
    draft["identifiers"] = vat.map_or_else(|| json!({}), |vat| json!({ "vat": vat }));
    let made = world.made(who, "/api/v1/organisations", &draft).await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_referral_goes_from_centre_to_centre_to_its_outcome_and_each_step_is_an_entry() {
    let world = World::start().await;
    let of = registered(&world, "sue", None).await;
    world
        .by("cleo", "GET", "/api/v1/whoami", &Value::Null)
        .await;
    let draft = json!({ "organisation": of, "centre": "lumi", "need": need(),
        "words": "We want to train on many nodes." });
    let before = world.store.ledger_size().await.unwrap();
    let sent = world.made("sue", "/api/v1/referrals", &draft).await;
    assert_eq!(world.store.ledger_size().await.unwrap() - before, 1);
    let one = format!("/api/v1/referrals/{}", sent["id"].as_str().unwrap());
    let waiting = world
        .by(
            "cleo",
            "GET",
            "/api/v1/support-centres/lumi/referrals",
            &Value::Null,
        )
        .await;
    assert_eq!(waiting.json()["items"][0]["state"], "sent");
    for (action, state) in [
        (json!({ "action": "acknowledge" }), "acknowledged"),
        (
            json!({ "action": "hand_over", "to": "bsc", "reason": "They train." }),
            "sent",
        ),
        (json!({ "action": "acknowledge" }), "acknowledged"),
        (json!({ "action": "accept" }), "accepted"),
        (
            json!({ "action": "close", "outcome": "helped", "words": "Trained." }),
            "closed",
        ),
    ] {
        let before = world.store.ledger_size().await.unwrap();
        let moved = world
            .by("cleo", "POST", &format!("{one}/moves"), &action)
            .await;
        assert_eq!(moved.status, 200, "{action}: {}", moved.text());
        assert_eq!(
            world.store.ledger_size().await.unwrap() - before,
            1,
            "{action}"
        );
        let shown = world.by("sue", "GET", &one, &Value::Null).await;
        assert_eq!(shown.json()["state"], state);
    }
    let late = world
        .by(
            "cleo",
            "POST",
            &format!("{one}/moves"),
            &json!({ "action": "accept" }),
        )
        .await;
    late.problem(409, "not-waiting");
    world
        .by("bo", "GET", &one, &Value::Null)
        .await
        .problem(404, "not-found");
    assert_eq!(
        world
            .by("sue", "GET", "/api/v1/referrals", &Value::Null)
            .await
            .status,
        200
    );
    let overdue = world
        .by(
            "operator",
            "GET",
            "/api/v1/reviews/overdue-referrals",
            &Value::Null,
        )
        .await;
    assert_eq!(overdue.json()["items"], json!([]));
}

#[tokio::test]
async fn centres_are_ranked_with_reasons_and_words_that_nobody_knows_are_told() {
    let world = World::start().await;
    let asked = json!({ "need": need() });
    let ranked = world
        .by("sue", "POST", "/api/v1/support-centres/find", &asked)
        .await;
    assert_eq!(ranked.status, 200, "{}", ranked.text());
    let ranked = ranked.json();
    assert!(
        !ranked["centres"][0]["reasons"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let strange = json!({ "need": { "services": ["poetry"] } });
    let refused = world
        .by("sue", "POST", "/api/v1/support-centres/find", &strange)
        .await;
    refused.problem(400, "invalid-need");
    for path in [
        "/api/v1/support-centres",
        "/api/v1/support-centres/vocabulary",
    ] {
        assert_eq!(
            world.by("sue", "GET", path, &Value::Null).await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn two_sides_learn_of_each_other_once_both_would_meet() {
    let world = World::start().await;
    let (ours, theirs) = (
        registered(&world, "sue", None).await,
        registered(&world, "bo", None).await,
    );
    let of = |id: &str| format!("/api/v1/organisations/{id}");
    let mut left: BTreeSet<&str> = BTreeSet::from(["publish", "interest", "withdraw"]);
    for (who, id, side) in [("sue", &ours, "startup"), ("bo", &theirs, "established")] {
        let path = format!("{}/profile", of(id));
        let published = world.by(who, "PUT", &path, &profile(side)).await;
        assert_eq!(published.status, 200, "{}", published.text());
        assert_eq!(world.by(who, "GET", &path, &Value::Null).await.status, 200);
        left.remove("publish");
    }
    for (who, id, agreed) in [("sue", &ours, false), ("bo", &theirs, true)] {
        let matches = world
            .by(who, "GET", &format!("{}/matches", of(id)), &Value::Null)
            .await;
        let found = matches.json()["items"][0].clone();
        assert_eq!(found.get("contact"), None);
        assert!(!matches.text().contains("House of"), "{}", matches.text());
        let profile = found["profile"].as_str().unwrap();
        let path = format!("{}/matches/{profile}/interest", of(id));
        let shown = world.by(who, "PUT", &path, &json!({})).await;
        assert_eq!(
            shown.json().get("contact").is_some(),
            agreed,
            "{}",
            shown.text()
        );
        if agreed {
            let hidden = world.by(who, "DELETE", &path, &json!({})).await;
            assert_eq!(hidden.json().get("contact"), None);
            left.remove("interest");
        }
    }
    let before = world.store.ledger_size().await.unwrap();
    let gone = world
        .by(
            "sue",
            "DELETE",
            &format!("{}/profile", of(&ours)),
            &json!({}),
        )
        .await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_eq!(world.store.ledger_size().await.unwrap() - before, 1);
    left.remove("withdraw");
    assert!(left.is_empty());
}
