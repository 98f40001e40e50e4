//! Who may let agents in and put them out, and what they are shown.

use agent_link::{InviteText, KeyPair};
use broker_app::RoleRule;
use broker_auth::parse_entitlement;
use broker_model::Role;
use serde_json::json;

use crate::world::{ENTITLEMENT, World};

/// The stranger of the tests administers lumi.
async fn with_an_administrator() -> (World, String) {
    let world = World::start().await;
    world.broker.put_role_rules(vec![RoleRule {
        issuer: world.issuer.issuer().to_owned(),
        entitlement: parse_entitlement(ENTITLEMENT).unwrap(),
        role: Role::SiteAdmin {
            site: "lumi".parse().unwrap(),
            sees_people: false,
        },
    }]);
    let token = world.token("stranger").await;
    (world, token)
}

#[tokio::test]
async fn an_administrator_invites_for_the_own_site_only() {
    let (world, token) = with_an_administrator().await;
    let post = async |path: &str, body| world.post(path, &body).token(&token).send().await;
    let order = json!({ "valid_hours": 2, "note": " login node 2 " });
    let made = post("/api/v1/sites/lumi/invites", order).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!(made["note"], "login node 2");
    assert_eq!(made["expires_at"], "2026-11-20T14:00:00Z");
    let text: InviteText = made["text"].as_str().unwrap().parse().unwrap();
    assert_eq!(text.site.as_str(), "lumi");
    post("/api/v1/sites/meluxina/invites", json!({}))
        .await
        .problem(403, "forbidden");
    post("/api/v1/sites/atlantis/invites", json!({}))
        .await
        .problem(404, "not-found");
    let ada = world.token("ada").await;
    let refused = world.get("/api/v1/sites/lumi/invites").token(&ada);
    refused.send().await.problem(403, "forbidden");
    for (field, order) in [
        ("valid_hours", json!({ "valid_hours": 0 })),
        ("valid_hours", json!({ "valid_hours": 169 })),
        ("note", json!({ "note": "two\nlines" })),
    ] {
        let refused = post("/api/v1/sites/lumi/invites", order).await;
        let problem = refused.problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn an_invites_secret_is_shown_once_and_stored_nowhere() {
    let (world, token) = with_an_administrator().await;
    let made = world.post("/api/v1/sites/lumi/invites", &json!({}));
    let made = made.token(&token).send().await.json();
    let text: InviteText = made["text"].as_str().unwrap().parse().unwrap();
    let listed = world.get("/api/v1/sites/lumi/invites").token(&token);
    let listed = listed.send().await.json();
    assert_eq!(listed["items"][0]["state"], "open");
    assert_eq!(listed["items"][0].get("text"), None);
    world.store.close().await;
    let secret = text.key.secret().into_bytes();
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "the invite could be made again from the database");
    }
}

#[tokio::test]
async fn an_administrator_sees_the_sites_agents_and_revokes_them() {
    let (world, token) = with_an_administrator().await;
    let key = KeyPair::generate();
    let invite = world.invite("lumi").await;
    let agent = world.enrol(&invite, &key).await.json()["agent"].clone();
    let list = async || {
        let ask = world.get("/api/v1/sites/lumi/agents").token(&token);
        ask.send().await.json()["items"].clone()
    };
    let listed = list().await;
    assert_eq!(listed[0]["id"], agent);
    assert_eq!(listed[0]["host"], "login2");
    assert_eq!(listed[0].get("heard_at"), None, "only its invite spoke yet");
    let lease = json!({ "agent": agent, "site": "lumi", "want": 1, "wait_seconds": 0,
        "working_on": [] });
    let lease = world.post("/agent/v1/lease", &lease);
    let lease = lease.signed_by(key.clone(), key.public().id()).send().await;
    assert_eq!(lease.status, 200);
    assert_eq!(list().await[0]["heard_at"], "2026-11-20T12:00:00Z");

    let path = |site: &str| {
        let agent = agent.as_str().unwrap();
        format!("/api/v1/sites/{site}/agents/{agent}/revoke")
    };
    let revoke = async |site: &str, reason: &str| {
        let ask = world.post(path(site), &json!({ "reason": reason }));
        ask.token(&token).send().await
    };
    revoke("meluxina", "a test").await.problem(403, "forbidden");
    revoke("lumi", " ").await.problem(400, "invalid-site");
    assert_eq!(revoke("lumi", "a test").await.status, 200);
    let listed = list().await;
    assert_eq!(listed[0]["status"], "revoked");
    assert_eq!(listed[0]["revoked_reason"], "a test");
    let operator = world.token("operator").await;
    let elsewhere = world.post(path("meluxina"), &json!({ "reason": "a test" }));
    let elsewhere = elsewhere.token(&operator).send().await;
    elsewhere.problem(404, "not-found");
}
