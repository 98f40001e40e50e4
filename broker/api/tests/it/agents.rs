use serde_json::{Value, json};

use crate::world::{World, agent_id, agent_token};

fn lease(site: &str) -> Value {
    json!({ "agent": agent_id(), "site": site, "want": 10, "wait_seconds": 0, "working_on": [] })
}

#[tokio::test]
async fn an_agent_without_its_token_gets_nothing() {
    let world = World::start().await;
    let person = world.token("operator").await;
    world
        .post("/agent/v1/lease", &lease("meluxina"))
        .send()
        .await
        .problem(401, "not-signed-in");
    for token in ["wrong", &person] {
        let answer = world
            .post("/agent/v1/lease", &lease("meluxina"))
            .token(token)
            .send()
            .await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.problem(401, "agent-refused"), { ".request_id" => "[id]" }, @r#"
            {
              "type": "urn:alcyone:problem:agent-refused",
              "title": "Unauthorized",
              "status": 401,
              "code": "agent-refused",
              "detail": "this agent token is not known here",
              "remedy": "ask the broker's operator for the site's token, or check the agent's token_file",
              "request_id": "[id]"
            }
            "#);
        }
    }
    let agent = world
        .get("/api/v1/whoami")
        .token(&agent_token("meluxina"))
        .send()
        .await;
    agent.problem(401, "token-refused");
}

#[tokio::test]
async fn a_site_s_token_speaks_for_no_other_site() {
    let world = World::start().await;
    for path in ["/agent/v1/lease", "/agent/v1/report"] {
        let body = if path.ends_with("lease") {
            lease("meluxina")
        } else {
            json!({ "agent": agent_id(), "site": "meluxina" })
        };
        let answer = world
            .post(path, &body)
            .token(&agent_token("lumi"))
            .send()
            .await;
        answer.problem(403, "another-site");
    }
}

#[tokio::test]
async fn a_lease_gives_the_work_of_the_own_site_only() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let job = world.submitted(&token).await;
    let other = world
        .post("/agent/v1/lease", &lease("lumi"))
        .token(&agent_token("lumi"))
        .send()
        .await;
    assert_eq!(other.json(), json!({ "attempts": [], "cancel": [] }));
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
    let body = json!({ "agent": agent_id(), "site": "lumi", "working_on": [attempt],
        "attempts": [{ "event": "ended", "attempt": attempt, "ended_at": "2026-11-20T12:00:00Z",
            "outcome": { "kind": "failed", "site_words": "lies" } }],
        "logs": [{ "attempt": attempt, "stream": "stdout", "offset": 0, "bytes": "bGllcw==" }] });
    let reply = world
        .post("/agent/v1/report", &body)
        .token(&agent_token("lumi"))
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
    let token = agent_token("meluxina");
    let mut body = lease("meluxina");
    body["wants"] = json!(1);
    let problem = world
        .post("/agent/v1/lease", &body)
        .token(&token)
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
        .token(&token)
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
    let token = agent_token("meluxina");
    let large = world
        .post("/agent/v1/report", &report(4 << 20))
        .token(&token)
        .send()
        .await;
    assert_eq!(large.status, 200);
    let larger = world
        .post("/agent/v1/report", &report(17 << 20))
        .token(&token)
        .send()
        .await;
    larger.problem(413, "body-too-large");
}
