use serde_json::{Value, json};

use crate::world::{World, agent_id, agent_of};

fn lease(site: &str) -> Value {
    json!({ "agent": agent_of(site), "site": site, "want": 10, "wait_seconds": 0, "working_on": [] })
}

#[tokio::test]
async fn a_lease_gives_the_work_of_the_own_site_only() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let job = world.submitted(&token).await;
    let other = world
        .post("/agent/v1/lease", &lease("lumi"))
        .agent("lumi")
        .send()
        .await;
    let other = other.json();
    assert_eq!(
        (&other["attempts"], &other["cancel"]),
        (&json!([]), &json!([]))
    );
    let own = world.lease(10).await;
    assert_eq!(own["attempts"][0]["job"], job["id"]);
    assert_eq!(own["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_report_on_another_site_s_attempt_is_forgotten_and_changes_nothing() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempt = world.leased().await;
    let body = json!({ "agent": agent_of("lumi"), "site": "lumi", "working_on": [attempt],
        "attempts": [{ "event": "ended", "attempt": attempt, "ended_at": "2026-11-20T12:00:00Z",
            "outcome": { "kind": "failed", "site_words": "lies" } }],
        "logs": [{ "attempt": attempt, "stream": "stdout", "offset": 0, "bytes": "bGllcw==" }] });
    let reply = world
        .post("/agent/v1/report", &body)
        .agent("lumi")
        .send()
        .await
        .json();
    assert!(
        reply["forget"]
            .as_array()
            .unwrap()
            .contains(&json!(attempt)),
        "{reply}"
    );
    let job = world
        .get(format!("/api/v1/jobs/{id}"))
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(job["state"], "placed");
    let log = world
        .get(format!("/api/v1/jobs/{id}/logs"))
        .token(&token)
        .send()
        .await;
    assert_eq!(log.text(), "");
}

#[tokio::test]
async fn a_message_that_is_not_understood_is_refused_with_the_place() {
    let world = World::start().await;
    let mut body = lease("meluxina");
    body["wants"] = json!(1);
    let problem = world
        .post("/agent/v1/lease", &body)
        .agent("meluxina")
        .send()
        .await;
    assert_eq!(
        problem.problem(400, "invalid-body")["errors"][0]["field"],
        "wants"
    );
    let body =
        json!({ "agent": agent_id(), "site": "meluxina", "attempts": [{ "event": "exploded" }] });
    let problem = world
        .post("/agent/v1/report", &body)
        .agent("meluxina")
        .send()
        .await;
    let problem = problem.problem(400, "invalid-body");
    assert!(
        problem["errors"][0]["allowed"]
            .as_str()
            .unwrap()
            .contains("submitting"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_report_may_be_larger_than_a_job_and_not_without_end() {
    let world = World::start().await;
    let report = |bytes: usize| {
        json!({ "agent": agent_id(), "site": "meluxina", "logs": [{ "bytes": "A".repeat(bytes),
            "attempt": "att_0192f0c1d2e37abc8def0123456789ab", "stream": "stdout", "offset": 0 }] })
    };
    let large = world
        .post("/agent/v1/report", &report(4 << 20))
        .agent("meluxina")
        .send()
        .await;
    assert_eq!(large.status, 200);
    let larger = world
        .post("/agent/v1/report", &report(17 << 20))
        .agent("meluxina")
        .send()
        .await;
    larger.problem(413, "body-too-large");
}
