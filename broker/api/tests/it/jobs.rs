use serde_json::json;

use crate::ask::job;
use crate::world::{World, project};

#[tokio::test]
async fn a_submitted_job_is_accepted_placed_and_found_where_location_says() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let answer = world
        .post("/api/v1/jobs", &job())
        .token(&token)
        .send()
        .await;
    assert_eq!(answer.status, 202);
    let accepted = answer.json();
    assert_eq!(
        answer.header("location"),
        format!("/api/v1/jobs/{}", accepted["id"].as_str().unwrap())
    );
    insta::assert_json_snapshot!(accepted, {
        ".id" => "[job]", ".decision" => "[decision]", ".allocation" => "[allocation]",
        ".project" => "[project]", ".spec.project" => "[project]",
    }, @r#"
    {
      "id": "[job]",
      "name": "train",
      "state": "placed",
      "project": "[project]",
      "allocation": "[allocation]",
      "decision": "[decision]",
      "partition": {
        "site": "meluxina",
        "system": "meluxina",
        "partition": "gpu"
      },
      "held_unit_ms": 14400000,
      "created_at": "2026-11-20T12:00:00Z",
      "updated_at": "2026-11-20T12:00:00Z",
      "spec": {
        "name": "train",
        "project": "[project]",
        "resources": {
          "nodes": 1,
          "gpus_per_node": 2,
          "walltime": "1h"
        },
        "variants": {
          "x86_64+cuda": {
            "script": "echo hello"
          }
        },
        "data": {
          "sensitivity": "public"
        },
        "placement": {
          "prefer": [],
          "require": [
            "meluxina"
          ],
          "exclude": [],
          "experimental": false,
          "restartable": false
        }
      }
    }
    "#);
    let found = world
        .get(answer.header("location"))
        .token(&token)
        .send()
        .await;
    assert_eq!(found.json(), accepted);
}

#[tokio::test]
async fn a_placement_names_every_partition_and_a_decision_every_rule() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let placement = world
        .get(format!("/api/v1/jobs/{id}/placement"))
        .token(&token)
        .send()
        .await
        .json();
    let partitions: usize = world
        .broker
        .board()
        .sites()
        .iter()
        .flat_map(|site| &site.systems)
        .map(|system| system.partitions.len())
        .sum();
    assert_eq!(
        placement["considered"].as_array().unwrap().len(),
        partitions
    );
    assert_eq!(placement["chosen"]["site"], "meluxina");
    let decision = world
        .get(format!("/api/v1/jobs/{id}/decision"))
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(decision["decision"]["result"], "eligible");
    assert_eq!(decision["question"]["organisation"]["country"], "FR");
}

#[tokio::test]
async fn a_quote_is_the_placement_without_a_job() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let quote = world
        .post("/api/v1/jobs/quote", &job())
        .token(&token)
        .send()
        .await;
    assert_eq!(quote.status, 200);
    let quote = quote.json();
    assert_eq!(quote["placement"]["chosen"]["site"], "meluxina");
    let jobs = world.get("/api/v1/jobs").token(&token).send().await.json();
    assert_eq!(jobs["items"], json!([]));
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let placement = world
        .get(format!("/api/v1/jobs/{id}/placement"))
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(quote["placement"], placement);
}

#[tokio::test]
async fn a_job_that_ran_is_charged_and_its_usage_is_listed() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempt = world.leased().await;
    world.started(&attempt).await;
    let running = world
        .get(format!("/api/v1/jobs/{id}"))
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(
        (&running["state"], &running["remote_id"]),
        (&json!("running"), &json!("4711"))
    );
    world.ended(&attempt).await;
    let job = world
        .get(format!("/api/v1/jobs/{id}"))
        .token(&token)
        .send()
        .await
        .json();
    insta::assert_json_snapshot!(json!({
        "state": job["state"], "held_unit_ms": job["held_unit_ms"], "outcome": job["outcome"],
        "started_at": job["started_at"], "ended_at": job["ended_at"],
    }), @r#"
    {
      "state": "completed",
      "held_unit_ms": 0,
      "outcome": {
        "kind": "completed",
        "exit_code": 0,
        "site_words": "COMPLETED"
      },
      "started_at": "2026-11-20T12:00:10Z",
      "ended_at": "2026-11-20T12:30:10Z"
    }
    "#);
    let of_job = world
        .get(format!("/api/v1/jobs/{id}/usage"))
        .token(&token)
        .send()
        .await
        .json();
    let usage = world
        .get("/api/v1/usage?month=2026-11")
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(usage["items"], of_job["items"]);
    insta::assert_json_snapshot!(usage["items"][0]["charge"], @r#"
    {
      "site_units": 1800000,
      "site_unit": "node-hour",
      "gpu": 7200000,
      "charged": 7200000
    }
    "#);
    let other = world
        .get("/api/v1/usage?month=2026-10")
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(other["items"], json!([]));
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page_and_filtered() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.submitted(&token).await["id"].clone());
        world.advance(1);
    }
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world
            .get(format!("/api/v1/jobs?limit=2{cursor}"))
            .token(&token)
            .send()
            .await
            .json();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["id"].clone()),
        );
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ids);
    for (query, count) in [
        ("state=placed", 5),
        ("state=queued,running", 0),
        ("site=meluxina", 5),
        ("site=lumi", 0),
        ("active=true", 5),
    ] {
        let page = world
            .get(format!("/api/v1/jobs?{query}"))
            .token(&token)
            .send()
            .await
            .json();
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
    let foreign = format!("/api/v1/jobs?project={}", project("rivals"));
    assert_eq!(
        world.get(foreign).token(&token).send().await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_job_no_site_has_is_cancelled_at_once_and_a_second_time_it_is_over() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let cancel = format!("/api/v1/jobs/{id}/cancel");
    let first = world.post(&*cancel, &json!({})).token(&token).send().await;
    assert_eq!(
        (first.status.as_u16(), &first.json()["state"]),
        (202, &json!("cancelled"))
    );
    assert_eq!(first.json()["held_unit_ms"], 0);
    world
        .post(&*cancel, &json!({}))
        .token(&token)
        .send()
        .await
        .problem(409, "job-is-over");
}

#[tokio::test]
async fn a_job_that_a_site_has_is_cancelled_once_the_site_has_confirmed() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let attempt = world.leased().await;
    world.started(&attempt).await;
    let cancel = format!("/api/v1/jobs/{id}/cancel");
    for _ in 0..2 {
        let asked = world.ask("POST", &*cancel).token(&token).send().await;
        assert_eq!(
            (asked.status.as_u16(), &asked.json()["state"]),
            (202, &json!("running"))
        );
        assert_eq!(asked.json()["cancel_requested_at"], crate::world::NOW);
    }
    let body = json!({ "agent": crate::world::agent_id(), "site": "meluxina",
        "working_on": [attempt] });
    let reply = world
        .post("/agent/v1/report", &body)
        .agent("meluxina")
        .send()
        .await;
    assert_eq!(reply.json(), json!({ "cancel": [attempt], "forget": [] }));
}

#[tokio::test]
async fn a_single_read_whose_tag_is_known_is_answered_without_a_body_until_it_changes() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let id = world.submitted(&token).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.seal().await;
    let paths = [
        format!("/api/v1/jobs/{id}"),
        format!("/api/v1/jobs/{id}/placement"),
        format!("/api/v1/jobs/{id}/decision"),
        "/api/v1/sites/lumi".to_owned(),
        "/api/v1/sites/lumi/state".to_owned(),
        "/api/v1/sites/lumi/capacity".to_owned(),
        "/api/v1/ledger/checkpoint".to_owned(),
    ];
    for path in &paths {
        let tag = world
            .get(&**path)
            .token(&token)
            .send()
            .await
            .header("etag")
            .to_owned();
        let again = world
            .get(&**path)
            .token(&token)
            .header("if-none-match", &*tag)
            .send()
            .await;
        assert_eq!(
            (again.status.as_u16(), again.header("etag")),
            (304, &*tag),
            "{path}"
        );
        let other = world
            .get(&**path)
            .token(&token)
            .header("if-none-match", "\"other\"")
            .send()
            .await;
        assert_eq!(other.status, 200, "{path}");
    }
    let tag = world
        .get(&*paths[0])
        .token(&token)
        .send()
        .await
        .header("etag")
        .to_owned();
    world
        .ask("POST", format!("/api/v1/jobs/{id}/cancel"))
        .token(&token)
        .send()
        .await;
    let changed = world
        .get(&*paths[0])
        .token(&token)
        .header("if-none-match", tag)
        .send()
        .await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn sites_are_seven_with_what_was_last_heard_of_them() {
    let world = World::start().await;
    let token = world.token("stranger").await;
    let sites = world.get("/api/v1/sites").token(&token).send().await.json();
    let sites = sites["items"].as_array().unwrap();
    assert_eq!(sites.len(), 7);
    assert!(sites.iter().all(|site| site["readiness"] == "ready"));
    world.advance(600);
    let lumi = world
        .get("/api/v1/sites/lumi")
        .token(&token)
        .send()
        .await
        .json();
    insta::assert_json_snapshot!(json!({ "readiness": lumi["readiness"], "reason": lumi["reason"] }), @r#"
    {
      "readiness": "unknown",
      "reason": "its agent was last heard at 2026-11-20T12:00:00Z: the agent, or the network to it, is away"
    }
    "#);
}

#[tokio::test]
async fn a_sites_state_and_capacity_are_told_by_themselves_as_they_are_with_the_site() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let get = async |path: &str| {
        let uri = format!("/api/v1/sites/{path}");
        world.get(uri).token(&token).send().await
    };
    let whole = get("lumi").await.json();
    let state = get("lumi/state").await.json();
    assert_eq!(state["site"], "lumi");
    for name in ["readiness", "reason", "heard_at", "expires_at"] {
        assert_eq!(state[name], whole[name], "{name}");
    }
    assert_eq!(state["readiness"], "ready");
    let capacity = get("lumi/capacity").await.json();
    assert_eq!(capacity["partitions"], whole["snapshot"]["partitions"]);
    assert_eq!(capacity["observed_at"], whole["snapshot"]["observed_at"]);
    assert!(!capacity["partitions"].as_array().unwrap().is_empty());
    get("nowhere/state").await.problem(404, "not-found");
}
