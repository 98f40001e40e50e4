use std::time::Duration;

use serde_json::json;
use site_adapter::LeaseRequest;
use tokio::time::timeout;

use crate::world::{World, agent_id, agent_of};

#[tokio::test]
async fn metrics_count_requests_jobs_leases_reports_commits_and_refused_tokens() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.submitted(&token).await;
    world.submitted(&token).await;
    let attempt = world.leased().await;
    world.started(&attempt).await;
    world.get("/api/v1/whoami").token("none").send().await;
    world.get("/api/v1/nothing").send().await;
    world.ask("BREW", "/api/v1/jobs").send().await;
    let text = world.get("/metrics").send().await.text().to_owned();
    for line in [
        r#"alcyone_request_seconds_count{method="POST",route="/api/v1/jobs",status="202"} 2"#,
        r#"alcyone_request_seconds_count{method="(other)",route="/api/v1/jobs",status="405"} 1"#,
        r#"alcyone_jobs{site="meluxina",state="placed"} 1"#,
        r#"alcyone_jobs{site="meluxina",state="running"} 1"#,
        r#"alcyone_leased_attempts_total{site="meluxina"} 1"#,
        r#"alcyone_reports_total{site="meluxina"} 1"#,
        r#"alcyone_site_ready{site="lumi"} 1"#,
        r#"alcyone_refused_tokens_total{reason="invalid_token"} 1"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(
        !text.contains("/nothing"),
        "a path that is none is no label\n{text}"
    );
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_federation_without_jobs() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.submitted(&token).await;
    let text = world.get("/metrics").send().await.text().to_owned();
    assert!(text.contains("alcyone_store_up 1"), "{text}");
    world.store.close().await;
    let text = world.get("/metrics").send().await.text().to_owned();
    assert!(text.contains("alcyone_store_up 0"), "{text}");
    assert!(!text.contains("alcyone_jobs{"), "{text}");
}

#[tokio::test]
async fn a_broker_that_ends_keeps_nobody_waiting() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let follow = world.get(format!("/api/v1/jobs/{id}/events")).token(&token);
    let mut events = follow.follow().await;
    assert_eq!(events.next().await.unwrap().kind, "job.accepted");
    let ready = world.get("/readyz").send().await;
    assert_eq!(ready.status, 200);

    let idle = LeaseRequest {
        instance: None,
        agent: agent_id(),
        site: "lumi".parse().unwrap(),
        scheduler: None,
        systems: Vec::new(),
        only_sent: false,
        want: 1,
        wait_seconds: 60,
        working_on: Vec::new(),
    };
    let ends = async {
        tokio::task::yield_now().await;
        world.broker.drain();
    };
    let both = async { tokio::join!(world.broker.lease(&idle), ends) };
    let (reply, ()) = timeout(Duration::from_secs(20), both).await.unwrap();
    assert!(reply.unwrap().attempts.is_empty());

    let rest = timeout(Duration::from_secs(20), events.rest())
        .await
        .unwrap();
    let last_words = rest.iter().find(|event| event.id.is_empty());
    assert!(
        last_words.is_none(),
        "it only stops, so a client reconnects: {last_words:?}"
    );
    let ready = world.get("/readyz").send().await;
    assert_eq!(
        (ready.status.as_u16(), ready.text()),
        (503, "shutting down\n")
    );
    assert_eq!(world.get("/healthz").send().await.status, 200);
    for path in ["events", "logs?follow=true"] {
        let stream = world.get(format!("/api/v1/jobs/{id}/{path}")).token(&token);
        let refused = stream.send().await;
        refused.problem(503, "shutting-down");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let lease = world.post(
        "/agent/v1/lease",
        &json!({
            "agent": agent_of("lumi"), "site": "lumi", "want": 1, "wait_seconds": 60, "working_on": [],
        }),
    );
    let refused = lease.agent("lumi").send().await;
    refused.problem(503, "shutting-down");
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn a_request_id_is_taken_over_if_it_is_sane_and_made_if_not() {
    let world = World::start().await;
    let given = world
        .get("/healthz")
        .header("x-request-id", "abc-DEF_123")
        .send()
        .await;
    assert_eq!(given.header("x-request-id"), "abc-DEF_123");
    for bad in [
        "short",
        "has space in it",
        "semi;colon;semi",
        &"x".repeat(65),
        "",
    ] {
        let made = world
            .get("/healthz")
            .header("x-request-id", bad)
            .send()
            .await;
        assert_ne!(made.header("x-request-id"), bad);
        assert_eq!(made.header("x-request-id").len(), 16);
    }
    let other = world.get("/healthz").send().await;
    assert_ne!(
        other.header("x-request-id"),
        world.get("/healthz").send().await.header("x-request-id")
    );
}

#[tokio::test]
async fn the_document_that_is_served_is_the_one_that_is_checked_in() {
    let world = World::start().await;
    let served = world.get("/api/v1/openapi.json").send().await;
    assert_eq!(served.text(), include_str!("../../openapi.json"));
}
