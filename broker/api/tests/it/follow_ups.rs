//! What is owed after an allocation, over HTTP.

use std::collections::BTreeSet;

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::world::World;

/// Whose order matters: walked through here.
pub(crate) fn is_of_it(path: &str) -> bool {
    path.starts_with("/api/v1/follow-ups")
}

fn fulfilment() -> Value {
    json!({ "words": "Four structures were found.", "link": "https://reports.example.eu/1147",
        "sha256": "ab".repeat(32) })
}

/// Who does what with it, in an order in which each can be done.
fn steps() -> [(&'static str, &'static str, Value); 4] {
    let words = json!({ "words": "Nothing of the hours.", "due_on": "2028-01-31" });
    [
        ("sue", "fulfilment", fulfilment()),
        ("rita", "reopening", words),
        (
            "rita",
            "waiver",
            json!({ "reason": "The data were lost with the machine." }),
        ),
        ("rita", "reopening", json!({ "words": "They were found." })),
    ]
}

#[tokio::test]
async fn each_step_with_what_is_owed_is_one_entry_without_what_was_written() {
    let world = World::start().await;
    let organisation = world.granted().await;
    let listed = world
        .by("sue", "GET", "/api/v1/follow-ups", &Value::Null)
        .await;
    let listed = listed.json()["items"].as_array().unwrap().clone();
    let report = listed
        .iter()
        .find(|it| it["kind"] == "final_report")
        .unwrap();
    assert_eq!(report["due_on"], "2027-05-22");
    assert_eq!(report["overdue"], false);
    assert_eq!(report["blocks"], true);
    let one = format!("/api/v1/follow-ups/{}", report["id"].as_str().unwrap());
    let mut left: BTreeSet<(&str, String)> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && is_of_it(path))
        .collect();
    for (who, what, body) in steps() {
        let before = world.store.ledger_size().await.unwrap();
        let path = format!("{one}/{what}");
        let token = world.token(who).await;
        let send = async || {
            let ask = world.send_json("POST", path.clone(), &body).token(&token);
            ask.header("idempotency-key", format!("{what}-{before}"))
                .send()
                .await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!(first.status, 200, "{what}: {}", first.text());
        assert_eq!(first.text(), again.text(), "the first answer comes again");
        let entries = world.store.entries(before, 10).await.unwrap();
        assert_eq!(entries.len(), 1, "{what}");
        let entry = &entries[0].text;
        assert!(entry.contains("\"actor\":\"per_"), "{entry}");
        for word in ["structures", "example.eu", "hours.", "lost"] {
            assert!(!entry.contains(word), "{entry}");
        }
        left.remove(&("POST", format!("/api/v1/follow-ups/{{id}}/{what}")));
    }
    assert!(left.is_empty(), "{left:?}");
    let read = world.by("sue", "GET", &one, &Value::Null).await.json();
    assert_eq!(read["state"]["reopened"]["words"], "They were found.");
    assert_eq!(read["earlier"].as_array().unwrap().len(), 3);
    for (who, path) in [
        ("sue", format!("{organisation}/follow-ups?limit=2")),
        ("rita", format!("{organisation}/follow-ups")),
        ("rita", "/api/v1/reviews/overdue-follow-ups".to_owned()),
        ("operator", "/api/v1/reviews/overdue-follow-ups".to_owned()),
    ] {
        let answer = world.by(who, "GET", &path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn who_may_not_and_what_cannot_be_is_refused_with_a_code() {
    let world = World::start().await;
    let organisation = world.granted().await;
    let listed = world
        .by("sue", "GET", "/api/v1/follow-ups", &Value::Null)
        .await;
    let first = &listed.json()["items"][0];
    let one = format!("/api/v1/follow-ups/{}", first["id"].as_str().unwrap());
    let (fulfil, waive) = (format!("{one}/fulfilment"), format!("{one}/waiver"));
    let asked = async |who, path: &str, body: Value| world.by(who, "POST", path, &body).await;
    asked("bo", &fulfil, fulfilment())
        .await
        .problem(404, "not-found");
    asked("rita", &fulfil, fulfilment())
        .await
        .problem(403, "forbidden");
    let reason = json!({ "reason": "We would rather not." });
    asked("sue", &waive, reason.clone())
        .await
        .problem(403, "forbidden");
    let nothing = asked("sue", &fulfil, json!({ "words": "", "link": "ftp://x" })).await;
    let problem = nothing.problem(400, "invalid-fulfilment");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
    asked("rita", &waive, json!({ "reason": " " }))
        .await
        .problem(400, "invalid-waiver");
    let early = json!({ "words": "More.", "due_on": "2026-01-01" });
    let reopen = format!("{one}/reopening");
    asked("rita", &reopen, early)
        .await
        .problem(400, "invalid-reopening");
    asked("rita", &reopen, json!({ "words": "More." }))
        .await
        .problem(409, "not-waiting");
    assert_eq!(asked("rita", &waive, reason.clone()).await.status, 200);
    asked("rita", &waive, reason)
        .await
        .problem(409, "not-waiting");
    for path in [one, format!("{organisation}/follow-ups")] {
        let hidden = world.by("bo", "GET", &path, &Value::Null).await;
        hidden.problem(404, "not-found");
    }
    let queue = "/api/v1/reviews/overdue-follow-ups";
    world
        .by("sue", "GET", queue, &Value::Null)
        .await
        .problem(403, "forbidden");
}
