//! What somebody between agent and broker can do with what he sees: nothing.

use agent_link::KeyPair;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::ask::{Answer, Ask};
use crate::site::SITE;
use crate::world::{World, agent_id, agent_key, agent_of};

const LEASE: &str = "/agent/v1/lease";

fn lease() -> Value {
    json!({ "agent": agent_id(), "site": SITE, "want": 10, "wait_seconds": 0, "working_on": [] })
}

/// The headers that the agent put on a lease request.
fn seen(world: &World) -> HeaderMap {
    let key = agent_key(SITE);
    let body = lease().to_string();
    world.signed(&key, &key.public().id(), ("POST", LEASE), body.as_bytes())
}

fn with<'a>(mut ask: Ask<'a>, headers: &HeaderMap) -> Ask<'a> {
    for name in ["signature", "signature-input", "content-digest"] {
        ask = ask.header(name, headers[name].to_str().unwrap());
    }
    ask
}

async fn sent(world: &World, path: &str, body: &Value, headers: &HeaderMap) -> Answer {
    with(world.post(path, body), headers).send().await
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_refused_at_every_replica_and_does_nothing() {
    let world = World::start().await;
    let headers = seen(&world);
    assert_eq!(sent(&world, LEASE, &lease(), &headers).await.status, 200);
    let token = world.token("ada").await;
    let job = world.submitted(&token).await["id"].clone();
    let again = sent(&world, LEASE, &lease(), &headers).await;
    again.problem(401, "agent-replay");
    // Another replica on the same database, or this one after a restart: nothing is in memory.
    let other = world.another_replica();
    let again = with(world.post(LEASE, &lease()), &headers).at(other);
    again.send().await.problem(401, "agent-replay");
    let path = format!("/api/v1/jobs/{}", job.as_str().unwrap());
    let job = world.get(path).token(&token).send().await.json();
    assert_eq!(job["state"], "placed", "it was leased to nobody");
}

#[tokio::test]
async fn a_request_that_was_held_back_comes_too_late() {
    let world = World::start().await;
    let headers = seen(&world);
    world.advance(61);
    let late = sent(&world, LEASE, &lease(), &headers).await;
    let problem = late.problem(401, "agent-clock");
    let detail = problem["detail"].as_str().unwrap();
    for clock in ["2026-11-20T12:00:00Z", "2026-11-20T12:01:01Z"] {
        assert!(detail.contains(clock), "{detail}");
    }
    assert!(problem["remedy"].as_str().unwrap().contains("NTP"));
}

#[tokio::test]
async fn what_was_said_is_forgotten_once_it_no_longer_counts() {
    let world = World::start().await;
    let headers = seen(&world);
    assert_eq!(sent(&world, LEASE, &lease(), &headers).await.status, 200);
    world.advance(100);
    world.broker.sweep_once().await.unwrap();
    let again = sent(&world, LEASE, &lease(), &headers).await;
    again.problem(401, "agent-clock");
    world.advance(600);
    assert!(world.broker.sweep_once().await.unwrap() >= 1);
}

#[tokio::test]
async fn another_body_or_another_path_under_the_same_signature_is_refused() {
    let world = World::start().await;
    let mut body = lease();
    body["want"] = json!(11);
    let tampered = sent(&world, LEASE, &body, &seen(&world)).await;
    tampered.problem(401, "agent-body");
    for path in [
        "/agent/v1/report",
        "/agent/v1/rotate",
        "/agent/v1/lease?a=1",
    ] {
        let redirected = sent(&world, path, &lease(), &seen(&world)).await;
        redirected.problem(401, "agent-signature");
    }
    let enrolling = sent(&world, "/agent/v1/enrol", &lease(), &seen(&world)).await;
    enrolling.problem(401, "invite-unknown");
}

#[tokio::test]
async fn neither_a_strangers_key_nor_a_persons_token_nor_nothing_gets_work() {
    let world = World::start().await;
    let stranger = KeyPair::generate();
    let unknown = world.post(LEASE, &lease());
    let unknown = unknown.signed_by(stranger.clone(), stranger.public().id());
    unknown.send().await.problem(401, "agent-unknown");
    // With the id of a key that is known.
    let forged = world.post(LEASE, &lease());
    let forged = forged.signed_by(stranger, agent_key(SITE).public().id());
    forged.send().await.problem(401, "agent-signature");
    let token = world.token("operator").await;
    let person = world.post(LEASE, &lease()).token(&token).send().await;
    insta::assert_json_snapshot!(person.problem(401, "agent-unsigned"), { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:agent-unsigned",
      "title": "Unauthorized",
      "status": 401,
      "code": "agent-unsigned",
      "detail": "the request is not signed, or not as an agent of this version signs",
      "remedy": "use `alcyone-agent` of this broker's version, enrolled with an invite",
      "request_id": "[id]"
    }
    "#);
    let metrics = world.get("/metrics").send().await;
    for reason in ["agent-unknown", "agent-signature", "agent-unsigned"] {
        let line = format!("alcyone_refused_agent_requests_total{{reason=\"{reason}\"}} 1");
        assert!(metrics.text().contains(&line), "{line}");
    }
}

#[tokio::test]
async fn an_agent_speaks_for_its_own_site_and_in_its_own_name_only() {
    let world = World::start().await;
    for path in [LEASE, "/agent/v1/report"] {
        let body = |agent, site: &str| match path {
            LEASE => json!({ "agent": agent, "site": site, "want": 10, "wait_seconds": 0,
                "working_on": [] }),
            _ => json!({ "agent": agent, "site": site }),
        };
        let others = world.post(path, &body(agent_of("lumi"), SITE));
        others
            .agent("lumi")
            .send()
            .await
            .problem(403, "another-site");
        let named = world.post(path, &body(agent_id(), "lumi"));
        named
            .agent("lumi")
            .send()
            .await
            .problem(403, "another-agent");
    }
}
