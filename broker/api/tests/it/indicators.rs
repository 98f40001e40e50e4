//! What a funder asks of a period, over HTTP.

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::world::World;

/// Needs an organisation that answers for it: made here.
pub(crate) fn is_of_it(path: &str) -> bool {
    path == "/api/v1/objectives"
}

const PERIOD: &str = "/api/v1/indicators?from=2026-11-01&to=2026-11-30";

#[tokio::test]
async fn indicators_are_for_auditors_of_the_share_and_operators() {
    let world = World::start().await;
    world.granted().await;
    let of_finland = format!("{PERIOD}&share=national:FI");
    for (who, path) in [
        ("operator", PERIOD),
        ("auditor", PERIOD),
        ("finn", &of_finland),
    ] {
        let found = world.by(who, "GET", path, &Value::Null).await;
        assert_eq!(found.status, 200, "{who}: {}", found.text());
    }
    let found = world
        .by("operator", "GET", PERIOD, &Value::Null)
        .await
        .json();
    assert_eq!(found["gpu"], 0);
    assert_eq!(found["access"][0]["share"], "union");
    assert_eq!(found["access"][0]["decision"]["count"], 1);
    for who in ["finn", "sue", "rita"] {
        let refused = world.by(who, "GET", PERIOD, &Value::Null).await;
        refused.problem(403, "forbidden");
    }
    let backwards = "/api/v1/indicators?from=2026-11-30&to=2026-11-01";
    let refused = world.by("operator", "GET", backwards, &Value::Null).await;
    refused.problem(400, "invalid-period");
    let unread = "/api/v1/indicators?from=soon&to=2026-11-01";
    let refused = world.by("operator", "GET", unread, &Value::Null).await;
    refused.problem(400, "invalid-request");
}

#[tokio::test]
async fn an_objective_is_set_once_under_its_key_and_its_numbers_are_in_the_ledger() {
    let world = World::start().await;
    let organisation = world.granted().await;
    let owner = organisation.rsplit('/').next().unwrap();
    let draft = json!({ "owner": owner, "indicator": "sme_permille", "baseline": 200, "target": 400,
        "from": "2027-01-01", "to": "2027-12-31", "share": "union" });
    let token = world.token("operator").await;
    world
        .by("operator", "GET", "/api/v1/whoami", &Value::Null)
        .await;
    let before = world.store.ledger_size().await.unwrap();
    let send = async || {
        let ask = world
            .send_json("POST", "/api/v1/objectives", &draft)
            .token(&token);
        ask.header("idempotency-key", "sme-2027").send().await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.text(), again.text());
    let entries = world.store.entries(before, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    for part in [
        "objective.set",
        "sme_permille",
        "\"target\":400",
        "2027-12-31",
        "\"actor\":\"per_",
    ] {
        assert!(
            entries[0].text.contains(part),
            "{part}: {}",
            entries[0].text
        );
    }
    let listed = world
        .by("auditor", "GET", "/api/v1/objectives", &Value::Null)
        .await
        .json();
    assert_eq!(listed["items"][0]["owner_name"], "Pleione Labs");
    assert_eq!(listed["items"][0]["reached"], false);
    assert_eq!(
        listed["items"][0].get("measured"),
        None,
        "its period has not begun"
    );
    let none = world
        .by("finn", "GET", "/api/v1/objectives", &Value::Null)
        .await
        .json();
    assert_eq!(none["items"], json!([]), "of another share");
    for who in ["sue", "rita"] {
        let refused = world
            .by(who, "GET", "/api/v1/objectives", &Value::Null)
            .await;
        refused.problem(403, "forbidden");
    }
    let mut late = draft.clone();
    late["from"] = json!("2026-11-01");
    let refused = world
        .by("operator", "POST", "/api/v1/objectives", &late)
        .await;
    refused.problem(400, "invalid-objective");
    let refused = world
        .by("auditor", "POST", "/api/v1/objectives", &draft)
        .await;
    refused.problem(403, "forbidden");
}
