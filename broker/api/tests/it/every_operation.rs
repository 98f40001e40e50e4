//! What holds for every operation, walked through by enumeration.

use std::collections::{BTreeMap, BTreeSet};

use agent_link::{EnrolRequest, InviteText, KeyPair, RotateRequest};
use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::ask::{Answer, job};
use crate::contract::documented;
use crate::site::SITE;
use crate::world::{World, agent_id, agent_of, project};

/// What answers without a token: how to sign in, this document, and what operators probe.
const OPEN: [&str; 5] = [
    "/api/v1/login",
    "/api/v1/openapi.json",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Mutating by their method, and yet without an entry, with the reason.
const WITHOUT_ENTRY: [(&str, &str); 7] = [
    (
        "/agent/v1/handoffs",
        "asks in the body, as all that agents say is, and stores nothing",
    ),
    (
        "/agent/v1/confirmations",
        "asks in the body, as all that agents say is, and stores nothing",
    ),
    ("/api/v1/eligibility/check", "asks, and stores nothing"),
    ("/api/v1/jobs/quote", "asks, and stores nothing"),
    ("/api/v1/policies/compare", "asks, and stores nothing"),
    ("/api/v1/routes/find", "asks, and stores nothing"),
    ("/api/v1/support-centres/find", "asks, and stores nothing"),
];

#[tokio::test]
async fn every_operation_without_a_token_is_refused() {
    let world = World::start().await;
    for (method, template) in broker_api::operations() {
        let path = template
            .replace("{id}", "job_0192f0c1d2e37abc8def0123456789ab")
            .replace("{agent}", "agt_0192f0c1d2e37abc8def0123456789ab")
            .replace("{invite}", "inv_0192f0c1d2e37abc8def0123456789ab")
            .replace("{job}", "job_0192f0c1d2e37abc8def0123456789ab")
            .replace("{item}", "win_0192f0c1d2e37abc8def0123456789ab")
            .replace("{person}", "per_0192f0c1d2e37abc8def0123456789ab")
            .replace("{invitation}", "ivt_0192f0c1d2e37abc8def0123456789ab")
            .replace("{sha256}", "00");
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
        let (scheme, code, challenge) = if template.starts_with("/agent/") {
            ("agent", "agent-unsigned", "Signature")
        } else {
            ("bearer", "not-signed-in", "Bearer")
        };
        answer.problem(401, code);
        assert_eq!(
            answer.header("www-authenticate"),
            challenge,
            "{method} {template}"
        );
        assert_eq!(documented, &json!([{ scheme: [] }]), "{method} {template}");
    }
}

/// A good request of each mutating operation, and the token it goes with; agents sign theirs.
fn bodies(
    token: &str,
    operator: &str,
    attempt: &str,
    invite: &InviteText,
    (admin, declined, fetched): (&str, &str, &str),
) -> BTreeMap<&'static str, (Option<String>, Value)> {
    let new = KeyPair::generate();
    let enrolling = EnrolRequest::new(
        &KeyPair::generate(),
        &invite.id.to_string(),
        "login2".to_owned(),
        "0.1.0".to_owned(),
    );
    let by = |token: &str, body| (Some(token.to_owned()), body);
    let own = [
        (
            "/api/v1/eligibility/check",
            by(token, json!({ "project": project("main") })),
        ),
        ("/api/v1/jobs", by(token, job())),
        ("/api/v1/jobs/quote", by(token, job())),
        ("/api/v1/routes/find", by(token, routes())),
        ("/api/v1/policies/compare", by(operator, candidate())),
        (
            "/api/v1/support-centres/find",
            by(token, json!({ "need": { "services": ["training"] } })),
        ),
        ("/api/v1/jobs/{id}/cancel", by(token, json!({}))),
        ("/api/v1/sites/{id}/invites", by(operator, json!({}))),
        (
            "/api/v1/sites/{id}/invites/{invite}/withdraw",
            by(operator, json!({})),
        ),
        (
            "/api/v1/sites/{id}/agents/{agent}/revoke",
            by(operator, json!({ "reason": "a test" })),
        ),
        (
            "/api/v1/jobs/{id}/handoff/reports",
            by(token, json!({ "remote_id": "4711" })),
        ),
        (
            "/api/v1/sites/{id}/confirmations/{job}",
            by(admin, json!({ "decision": "confirm" })),
        ),
        (
            "/api/v1/sites/{id}/handoffs/{job}/reports",
            by(
                admin,
                json!({ "event": "declined", "reason": "it never came" }),
            ),
        ),
        ("/agent/v1/enrol", (None, json!(enrolling))),
        (
            "/agent/v1/rotate",
            (None, json!(RotateRequest::new(&new, agent_id()))),
        ),
        (
            "/agent/v1/lease",
            (
                None,
                json!({ "agent": agent_id(), "site": SITE, "want": 1,
            "wait_seconds": 0, "working_on": [attempt] }),
            ),
        ),
        (
            "/agent/v1/report",
            (
                None,
                json!({ "agent": agent_id(), "site": SITE,
            "attempts": [{ "event": "submitting", "attempt": attempt }] }),
            ),
        ),
    ];
    let by_agents = of_local_people(declined, fetched);
    own.into_iter().chain(by_agents).collect()
}

/// The set that is shipped, which every broker has in force.
fn candidate() -> Value {
    let shipped = policy_engine::Engine::shipped().unwrap();
    json!({ "policy": shipped.digest() })
}

/// What people at a site ask through its agent.
fn of_local_people(declined: &str, fetched: &str) -> [(&'static str, (Option<String>, Value)); 5] {
    [
        (
            "/agent/v1/confirmations",
            (
                None,
                json!({ "agent": agent_of("hammerhai"), "site": "hammerhai" }),
            ),
        ),
        (
            "/agent/v1/confirmations/answer",
            (
                None,
                json!({ "agent": agent_of("hammerhai"), "site": "hammerhai", "job": declined,
                    "local_user": "maia", "decline": "full" }),
            ),
        ),
        (
            "/agent/v1/handoffs",
            (None, json!({ "agent": agent_of("lumi"), "site": "lumi" })),
        ),
        (
            "/agent/v1/handoffs/script",
            (
                None,
                json!({ "agent": agent_of("lumi"), "site": "lumi", "job": fetched,
                    "local_user": "maia" }),
            ),
        ),
        (
            "/agent/v1/handoffs/report",
            (
                None,
                json!({ "agent": agent_of("lumi"), "site": "lumi", "job": fetched,
                    "local_user": "maia",
                    "report": { "event": "declined", "reason": "it never came" } }),
            ),
        ),
    ]
}

/// By the tests of each, which count entries as well.
fn is_walked_elsewhere(path: &str) -> bool {
    is_of_registry(path)
        || crate::entitlement::is_of_it(path)
        || crate::contact::is_of_it(path)
        || crate::follow_ups::is_of_it(path)
        || crate::indicators::is_of_it(path)
        || crate::privacy::is_of_it(path)
        || crate::terms::is_of_it(path)
        || crate::members::is_of_it(path)
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
    let operator = world.token("operator").await;
    let invite = world.invite("lumi").await;
    let other = world.invite("lumi").await;
    let (admin, held, carried) = world.by_people().await;
    let by_agent = world.handed_to(&token, "lumi").await;
    let own_jobs = [
        ("/api/v1/jobs/{id}/handoff/reports", carried.clone()),
        ("/api/v1/sites/{id}/confirmations/{job}", held[0].clone()),
        ("/api/v1/sites/{id}/handoffs/{job}/reports", carried),
    ];
    let bodies = bodies(
        &token,
        &operator,
        &attempt,
        &invite,
        (&admin, &held[1], &by_agent),
    );
    let mut mutating: Vec<_> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && !is_walked_elsewhere(path))
        .collect();
    // The agent of the site has things to ask before that.
    mutating.sort_by_key(|(_, path)| path.ends_with("/revoke"));
    for (method, template) in mutating {
        let (token, body) = &bodies[template.as_str()];
        let before = world.store.ledger_size().await.unwrap();
        let theirs = own_jobs.iter().find(|(path, _)| *path == template);
        let job = theirs.map_or(&id, |(_, job)| job);
        let own = if template.contains("/confirmations/") {
            "hammerhai"
        } else if template.contains("/sites/") {
            "lumi"
        } else {
            job
        };
        let path = template
            .replace("{id}", own)
            .replace("{job}", job)
            .replace("{agent}", &agent_of("lumi").to_string())
            .replace("{invite}", &other.id.to_string());
        let ask = world.post(path, body);
        let ask = match token {
            Some(token) => ask.token(token),
            None if template == "/agent/v1/enrol" => {
                ask.signed_by(invite.key.clone(), invite.id.to_string())
            }
            None if template.starts_with("/agent/v1/confirmations") => ask.agent("hammerhai"),
            None if template.starts_with("/agent/v1/handoffs") => ask.agent("lumi"),
            None => ask.agent(SITE),
        };
        let answer: Answer = ask.send().await;
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

/// What a site's administrators set, whose order matters: walked through by itself.
fn is_of_registry(path: &str) -> bool {
    let kinds = [
        "controls",
        "document",
        "windows",
        "drains",
        "incidents",
        "vetoes",
        "organisation-vetoes",
        "limits",
    ];
    if path == "/api/v1/sites/{id}" {
        return true;
    }
    let below = path.strip_prefix("/api/v1/sites/{id}/");
    below.is_some_and(|below| kinds.iter().any(|kind| below.starts_with(kind)))
}

/// In an order in which each can be done: what is ended was begun.
#[tokio::test]
async fn every_change_of_a_site_leaves_an_entry_in_the_ledger() {
    let world = World::start().await;
    let token = world.token("operator").await;
    let mut left: BTreeSet<(&str, String)> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && is_of_registry(path))
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
        (
            "POST",
            "organisation-vetoes",
            json!({ "organisation": organisation, "reason": "x", "until": to }),
        ),
        ("POST", "organisation-vetoes/{item}/lift", json!({})),
        ("PUT", "limits/{item}", json!({ "max_at_once": 1 })),
        ("DELETE", "controls/{item}", json!({})),
        ("DELETE", "", json!({})),
    ];
    let mut item = organisation.to_string();
    for (method, what, body) in steps {
        if what.starts_with("limits") {
            item = organisation.to_string();
        }
        let template = format!("/api/v1/sites/{{id}}/{what}");
        let template = template.trim_end_matches('/').to_owned();
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

fn routes() -> Value {
    let organisation = json!({ "country": "FR", "size": "small" });
    json!({ "organisation": organisation, "project": { "sectors": [] } })
}
