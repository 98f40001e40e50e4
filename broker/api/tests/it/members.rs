//! Members and invitations over HTTP.

use std::collections::BTreeSet;

use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::entitlement::organisation;
use crate::world::{World, project};

/// Whose order matters: walked through here.
pub(crate) fn is_of_it(path: &str) -> bool {
    let parts = ["/members", "/invitations"];
    path.starts_with("/api/v1/") && parts.iter().any(|part| path.contains(part))
}

const WHO: &str = "maia@pleione.example";

fn invitation(role: &str) -> Value {
    json!({ "role": role, "meant_for": WHO, "valid_days": 7 })
}

impl World {
    async fn person(&self, who: &str) -> String {
        let me = self.by(who, "GET", "/api/v1/whoami", &Value::Null).await;
        me.json()["person"].as_str().unwrap().to_owned()
    }

    /// Does it, and finds so many entries of it in pseudonyms.
    async fn done(
        &self,
        who: &str,
        (method, path): (&'static str, &str),
        (body, entries): (&Value, u64),
    ) -> Value {
        let before = self.store.ledger_size().await.unwrap();
        let answer = self.by(who, method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        let after = self.store.entries(before, 10).await.unwrap();
        assert_eq!(after.len() as u64, entries, "{method} {path}");
        for entry in after {
            assert!(entry.text.contains("\"actor\":\"per_"), "{}", entry.text);
            for word in [WHO, "join_"] {
                assert!(!entry.text.contains(word), "{}", entry.text);
            }
        }
        answer.json()
    }
}

#[tokio::test]
async fn each_step_of_coming_in_and_leaving_is_an_entry_in_pseudonyms() {
    let world = World::start().await;
    let (sue, bo) = (world.person("sue").await, world.person("bo").await);
    let made = world
        .made("sue", "/api/v1/organisations", &organisation())
        .await;
    world.person("ada").await;
    let own = |kind: &str, id: &str| format!("/api/v1/{kind}/{id}");
    let places = [
        (
            "sue",
            "organisations",
            made["id"].as_str().unwrap().to_owned(),
            "representative",
        ),
        ("ada", "projects", project("main").to_string(), "member"),
    ];
    let mut left: BTreeSet<(&str, String)> = broker_api::operations()
        .into_iter()
        .filter(|(method, path)| *method != "GET" && is_of_it(path))
        .collect();
    let mut seen = |method, template: String| left.remove(&(method, template));
    for (who, kind, id, role) in &places {
        let place = own(kind, id);
        let template = format!("/api/v1/{kind}/{{id}}");
        let invitations = format!("{place}/invitations");
        for settle in ["revoke", "accept"] {
            let asked = (&invitation(role), 1);
            let made = world.done(who, ("POST", &invitations), asked).await;
            seen("POST", format!("{template}/invitations"));
            let one = format!("{invitations}/{}", made["id"].as_str().unwrap());
            let code = json!({ "code": made["code"] });
            assert_eq!(made["meant_for"], WHO);
            if settle == "revoke" {
                let told = world.done(who, ("DELETE", &one), (&json!({}), 1)).await;
                assert_eq!(told["state"], "revoked");
                seen("DELETE", format!("{template}/invitations/{{invitation}}"));
                world.done(who, ("DELETE", &one), (&json!({}), 0)).await;
                let late = world.by("bo", "POST", ACCEPT, &code).await;
                late.problem(409, "invitation-revoked");
                continue;
            }
            let told = world.done("bo", ("POST", ACCEPT), (&code, 1)).await;
            assert_eq!(told["state"], "accepted");
            seen("POST", ACCEPT.to_owned());
            world.done("bo", ("POST", ACCEPT), (&code, 0)).await;
            let second = world.by("cleo", "POST", ACCEPT, &code).await;
            second.problem(409, "invitation-used");
            let late = world.by(who, "DELETE", &one, &json!({})).await;
            late.problem(409, "not-waiting");
        }
        let listed = world.by(who, "GET", &invitations, &Value::Null).await;
        let items = listed.json()["items"].clone();
        let states = items.as_array().unwrap().iter().map(|it| &it["state"]);
        assert_eq!(states.collect::<Vec<_>>(), ["accepted", "revoked"]);
        assert!(!listed.text().contains("join_") && !listed.text().contains(WHO));
        let path = format!("{place}/members");
        let members = world.by("bo", "GET", &path, &Value::Null).await;
        assert_eq!(members.json()["items"].as_array().unwrap().len(), 2);
        let his = format!("{place}/members/{bo}");
        world.done(who, ("DELETE", &his), (&json!({}), 1)).await;
        seen("DELETE", format!("{template}/members/{{person}}"));
        let gone = world.by(who, "DELETE", &his, &json!({})).await;
        gone.problem(404, "not-found");
        let out = world.by("bo", "GET", &path, &Value::Null).await;
        out.problem(404, "not-found");
    }
    let last = format!("{}/members/{sue}", own("organisations", &places[0].2));
    let refused = world.by("sue", "DELETE", &last, &json!({})).await;
    let problem = refused.problem(409, "last-one");
    assert!(problem["remedy"].as_str().unwrap().contains("invite"));
    assert!(left.is_empty(), "{left:?}");
}

const ACCEPT: &str = "/api/v1/invitations/accept";

#[tokio::test]
async fn a_repeat_under_a_key_makes_no_other_invitation_and_is_told_no_code() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let path = format!("/api/v1/projects/{}/invitations", project("main"));
    let send = || {
        world
            .post(path.clone(), &invitation("member"))
            .token(&token)
            .header("idempotency-key", "one")
            .send()
    };
    let (first, second) = (send().await, send().await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    let (first, mut again) = (first.json(), second.json());
    for told_once in ["code", "meant_for"] {
        assert!(again.get(told_once).is_none());
        again[told_once] = first[told_once].clone();
    }
    assert_eq!(first, again);
    let listed = world.by("ada", "GET", &path, &Value::Null).await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_or_its_code_is_told_with_a_remedy() {
    let world = World::start().await;
    let path = format!("/api/v1/projects/{}/invitations", project("main"));
    let wrong = json!({ "role": "representative", "meant_for": "", "valid_days": 0 });
    let refused = world.by("ada", "POST", &path, &wrong).await;
    let problem = refused.problem(400, "invalid-invitation");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3);
    for code in ["", "join_", &format!("join_{}", "A".repeat(43))] {
        let refused = world
            .by("bo", "POST", ACCEPT, &json!({ "code": code }))
            .await;
        let problem = refused.problem(404, "invitation-unknown");
        assert!(problem["remedy"].as_str().unwrap().contains("join_"));
    }
    let hidden = world.by("bo", "POST", &path, &invitation("member")).await;
    hidden.problem(404, "not-found");
    let own = world.made("ada", &path, &invitation("member")).await;
    let refused = world
        .by("ada", "POST", ACCEPT, &json!({ "code": own["code"] }))
        .await;
    refused.problem(409, "already-so");
    let gone = format!("{path}/ivt_0192f0c1d2e37abc8def0123456789ab");
    let refused = world.by("ada", "DELETE", &gone, &json!({})).await;
    let problem = refused.problem(404, "not-found");
    assert!(
        problem["remedy"]
            .as_str()
            .unwrap()
            .contains("`alcyone invitations`")
    );
}
