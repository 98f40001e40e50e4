//! What holds for every operation, walked through by enumeration.

use std::collections::{BTreeMap, BTreeSet};

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::ask::{Answer, job};
use crate::contract::documented;
use crate::site::SITE;
use crate::world::{World, agent_id, agent_token, project};

/// What answers without a token: how to sign in, this document, and what operators probe.
const OPEN: [&str; 5] = [
    "/api/v1/login",
    "/api/v1/openapi.json",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Mutating by their method, and yet without an entry, with the reason.
const WITHOUT_ENTRY: [(&str, &str); 3] = [
    (
        "/agent/v1/confirmations",
        "asks in the body, as all that agents say is, and stores nothing",
    ),
    ("/api/v1/eligibility/check", "asks, and stores nothing"),
    ("/api/v1/jobs/quote", "asks, and stores nothing"),
];

#[tokio::test]
async fn every_operation_without_a_token_is_refused() {
    let world = World::start().await;
    for (method, template) in broker_api::operations() {
        let job = "job_0192f0c1d2e37abc8def0123456789ab";
        let path = template.replace("{id}", job).replace("{job}", job);
        let path = path.replace("{item}", "win_0192f0c1d2e37abc8def0123456789ab");
        let answer = match method {
            "GET" => world.get(path).send().await,
            _ => world.send_json(method, path, &json!({})).send().await,
        };
        let documented = &documented()[&(method.to_owned(), template.clone())]["security"];
        if OPEN.contains(&template.as_str()) {
            assert_eq!(answer.status, 200, "{method} {template}");
            assert_eq!(documented, &json!([]), "{method} {template}");
            continue;
        }
        answer.problem(401, "not-signed-in");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer",
            "{method} {template}"
        );
        let scheme = if template.starts_with("/agent/") {
            "agent"
        } else {
            "bearer"
        };
        assert_eq!(documented, &json!([{ scheme: [] }]), "{method} {template}");
    }
}

#[tokio::test]
async fn every_mutating_operation_leaves_an_entry_in_the_ledger() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempt = world.leased().await;
    world.submitted(&token).await;
    let (admin, held, carried) = world.by_people().await;
    let own = [
        ("/api/v1/jobs/{id}/handoff/reports", carried.clone()),
        ("/api/v1/sites/{id}/confirmations/{job}", held[0].clone()),
        ("/api/v1/sites/{id}/handoffs/{job}/reports", carried),
    ];
    let bodies: BTreeMap<&str, (String, Value)> = [
        (
            "/api/v1/jobs/{id}/handoff/reports",
            (token.clone(), json!({ "remote_id": "4711" })),
        ),
        (
            "/api/v1/sites/{id}/confirmations/{job}",
            (admin.clone(), json!({ "decision": "confirm" })),
        ),
        (
            "/api/v1/sites/{id}/handoffs/{job}/reports",
            (
                admin,
                json!({ "event": "declined", "reason": "it never came" }),
            ),
        ),
        (
            "/agent/v1/confirmations",
            (
                agent_token("hammerhai"),
                json!({ "agent": agent_id(), "site": "hammerhai" }),
            ),
        ),
        (
            "/agent/v1/confirmations/answer",
            (
                agent_token("hammerhai"),
                json!({ "agent": agent_id(), "site": "hammerhai", "job": held[1],
                    "local_user": "maia", "decline": "full" }),
            ),
        ),
        (
            "/api/v1/eligibility/check",
            (token.clone(), json!({ "project": project("main") })),
        ),
        ("/api/v1/jobs", (token.clone(), job())),
        ("/api/v1/jobs/quote", (token.clone(), job())),
        ("/api/v1/jobs/{id}/cancel", (token.clone(), json!({}))),
        (
            "/agent/v1/lease",
            (
                agent_token(SITE),
                json!({ "agent": agent_id(), "site": SITE, "want": 1,
            "wait_seconds": 0, "working_on": [attempt] }),
            ),
        ),
        (
            "/agent/v1/report",
            (
                agent_token(SITE),
                json!({ "agent": agent_id(), "site": SITE,
            "attempts": [{ "event": "submitting", "attempt": attempt }] }),
            ),
        ),
    ]
    .into();
    let mutating = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| {
            let is_own = own.iter().any(|(known, _)| known == path);
            *method != "GET" && (is_own || !path.starts_with("/api/v1/sites/"))
        });
    for (method, template) in mutating {
        let (token, body) = &bodies[template.as_str()];
        let before = world.store.ledger_size().await.unwrap();
        let theirs = own.iter().find(|(path, _)| *path == template);
        let job = theirs.map_or(&id, |(_, job)| job);
        let site = if template.contains("/confirmations/") {
            "hammerhai"
        } else {
            "lumi"
        };
        let first = if template.contains("/sites/") {
            site
        } else {
            job
        };
        let path = template.replace("{id}", first).replace("{job}", job);
        let answer: Answer = world.post(path, body).token(token).send().await;
        assert!(
            answer.status.is_success(),
            "{method} {template}: {}",
            answer.text()
        );
        let added = world.store.ledger_size().await.unwrap() - before;
        let excepted = WITHOUT_ENTRY.iter().any(|(path, _)| *path == template);
        assert_eq!(
            added == 0,
            excepted,
            "{method} {template} left {added} entries"
        );
    }
}

/// In an order in which each can be done: what is ended was begun.
#[tokio::test]
async fn every_change_of_a_site_leaves_an_entry_in_the_ledger() {
    let world = World::start().await;
    let token = world.token("operator").await;
    let mut left: BTreeSet<(&str, String)> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && path.starts_with("/api/v1/sites/"))
        .filter(|(_, path)| !path.contains("/confirmations/") && !path.contains("/handoffs/"))
        .collect();
    let organisation = broker_app::setup::organisation_id("startup");
    let (from, to) = ("2026-11-20T12:00:00Z", "2027-11-20T12:00:00Z");
    let steps = [
        ("PUT", "document", crate::registry::new_site("lumi-2")),
        (
            "POST",
            "windows",
            json!({ "share": "union", "from": from, "to": to, "gpu_hours": 1 }),
        ),
        ("POST", "windows/{item}/close", json!({})),
        ("POST", "drains", json!({ "reason": "a new file system" })),
        ("POST", "drains/{item}/end", json!({})),
        (
            "POST",
            "incidents",
            json!({ "kind": "incident", "severity": "info", "title": "x", "words": "y" }),
        ),
        ("POST", "incidents/{item}/updates", json!({ "words": "z" })),
        ("POST", "incidents/{item}/close", json!({})),
        (
            "POST",
            "vetoes",
            json!({ "allocation": broker_app::setup::allocation_id("main", "playground"), "reason": "x" }),
        ),
        ("POST", "vetoes/{item}/lift", json!({})),
        ("PUT", "limits/{item}", json!({ "max_at_once": 1 })),
    ];
    let mut item = organisation.to_string();
    for (method, what, body) in steps {
        if what.starts_with("limits") {
            item = organisation.to_string();
        }
        let template = format!("/api/v1/sites/{{id}}/{what}");
        let path = template.replace("{id}", "lumi-2").replace("{item}", &item);
        let before = world.store.ledger_size().await.unwrap();
        let answer = world
            .send_json(method, path, &body)
            .token(&token)
            .send()
            .await;
        assert!(
            answer.status.is_success(),
            "{method} {what}: {}",
            answer.text()
        );
        if let Some(id) = answer.json()["id"].as_str() {
            item = id.to_owned();
        }
        let added = world.store.ledger_size().await.unwrap() - before;
        assert_eq!(added, 1, "{method} {what}");
        let entry = world.store.entries(before, 1).await.unwrap().remove(0);
        assert!(entry.text.contains("\"actor\":\"per_"), "{}", entry.text);
        assert!(!entry.text.contains("file system"), "{}", entry.text);
        assert!(left.remove(&(method, template)), "{method} {what}");
    }
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_refusal_by_eligibility_is_an_entry_too() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.get("/api/v1/whoami").token(&token).send().await;
    let before = world.store.ledger_size().await.unwrap();
    let mut body = job();
    body["project"] = json!(project("outside"));
    world
        .post("/api/v1/jobs", &body)
        .token(&token)
        .send()
        .await
        .problem(403, "not-eligible");
    let entry = world.store.entries(before, 1).await.unwrap().remove(0);
    assert!(entry.text.contains("eligibility.decided") && entry.text.contains("not_eligible"));
}
