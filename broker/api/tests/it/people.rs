//! Who may do and see what.

use std::sync::Arc;

use broker_app::RoleRule;
use broker_auth::parse_entitlement;
use broker_model::{EntryKind, Role};
use broker_store::Ledger as _;
use serde_json::json;

use crate::ask::job;
use crate::world::{ENTITLEMENT, World, project};

#[tokio::test]
async fn whoami_tells_roles_projects_and_hours() {
    let world = World::start().await;
    let token = world.token("bo").await;
    let me = world
        .get("/api/v1/whoami")
        .token(&token)
        .send()
        .await
        .json();
    insta::assert_json_snapshot!(me, {
        ".person" => "[person]", ".issuer" => "[issuer]", ".roles[].project" => "[project]",
        ".projects[].id" => "[project]", ".projects[].allocations[].id" => "[allocation]",
    }, @r#"
    {
      "person": "[person]",
      "issuer": "[issuer]",
      "subject": "bo",
      "name": "bo of the tests",
      "email": "bo@people.example",
      "assurance": {
        "identity": "medium",
        "multi_factor": true
      },
      "entitlements": [],
      "roles": [
        {
          "role": "lead",
          "project": "[project]",
          "from": "grant"
        }
      ],
      "projects": [
        {
          "id": "[project]",
          "name": "Somebody else's",
          "organisation": "Rival",
          "allocations": [
            {
              "id": "[allocation]",
              "share": "national:FI",
              "scope": "federation",
              "unit": "GPU-hour",
              "balance": {
                "granted": 360000000,
                "used": 0,
                "held": 0,
                "lost": 0
              },
              "remaining": 360000000,
              "valid_from": "2026-11-01T00:00:00Z",
              "valid_until": "2027-11-01T00:00:00Z",
              "suspended": false
            }
          ]
        }
      ]
    }
    "#);
    let projects = world
        .get("/api/v1/projects")
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(projects["items"], me["projects"]);
    let allocations = world
        .get("/api/v1/allocations")
        .token(&token)
        .send()
        .await
        .json();
    assert_eq!(allocations["items"], me["projects"][0]["allocations"]);
}

#[tokio::test]
async fn a_role_by_entitlement_counts_and_says_where_it_comes_from() {
    let world = World::start().await;
    let token = world.token("stranger").await;
    let whoami = async || {
        let answer = world.get("/api/v1/whoami").token(&token).send().await;
        answer.json()
    };
    let before = whoami().await;
    assert_eq!(before["entitlements"], json!([ENTITLEMENT]));
    assert_eq!(before["roles"], json!([]), "a group alone is no role");
    let rule = |group: &str, role: Role| RoleRule {
        issuer: world.issuer.issuer().to_owned(),
        entitlement: parse_entitlement(group).unwrap(),
        role,
    };
    let main = Role::Member {
        project: project("main"),
    };
    let lost = Role::Member {
        project: project("never brought in"),
    };
    world.broker.put_role_rules(vec![
        rule("urn:geant:example.org:group:hpc#aai.example", main),
        rule(ENTITLEMENT, lost),
        rule("urn:geant:example.org:group:hpc", Role::Operator),
        rule(
            "urn:geant:example.org:group:hpc:role=lead#aai.example",
            Role::Reviewer,
        ),
    ]);
    let me = whoami().await;
    let from = |key: &str| {
        json!({
            "role": "member", "project": project(key), "from": "entitlement",
            "entitlement": ENTITLEMENT,
        })
    };
    assert_eq!(me["roles"], json!([from("main"), from("never brought in")]));
    assert_eq!(me["projects"].as_array().unwrap().len(), 1);
    world.submitted(&token).await;
    let bo = world.token("bo").await;
    let other = world.get("/api/v1/whoami").token(&bo).send().await.json();
    assert_eq!(other["roles"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_foreign_project_and_a_foreign_job_are_not_there() {
    let world = World::start().await;
    let (ada, bo) = (world.token("ada").await, world.token("bo").await);
    let id = world.submitted(&ada).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for path in ["", "/placement", "/decision", "/usage", "/events", "/logs"] {
        let answer = world
            .get(format!("/api/v1/jobs/{id}{path}"))
            .token(&bo)
            .send()
            .await;
        answer.problem(404, "not-found");
    }
    let cancelled = world
        .ask("POST", format!("/api/v1/jobs/{id}/cancel"))
        .token(&bo)
        .send()
        .await;
    cancelled.problem(404, "not-found");
    let foreign = json!({ "project": project("main") });
    world
        .post("/api/v1/eligibility/check", &foreign)
        .token(&bo)
        .send()
        .await
        .problem(404, "not-found");
    for path in ["/api/v1/jobs", "/api/v1/jobs/quote"] {
        let answer = world.post(path, &job()).token(&bo).send().await;
        insta::allow_duplicates! {
            let mut problem = answer.problem(404, "not-found");
            let detail = problem["detail"].as_str().unwrap();
            problem["detail"] = detail.replace(&project("main").to_string(), "prj_[id]").into();
            insta::assert_json_snapshot!(problem, { ".request_id" => "[id]" }, @r#"
            {
              "type": "urn:alcyone:problem:not-found",
              "title": "Not Found",
              "status": 404,
              "code": "not-found",
              "detail": "there is no such project: prj_[id]",
              "remedy": "`alcyone whoami` (`GET /api/v1/projects`) lists yours",
              "request_id": "[id]"
            }
            "#);
        }
    }
    let entries = world
        .get(format!("/api/v1/ledger/entries?job={id}"))
        .token(&bo)
        .send()
        .await;
    entries.problem(404, "not-found");
    assert_eq!(
        world.get("/api/v1/jobs").token(&bo).send().await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn an_operator_sees_every_job_and_may_stop_it_but_hands_none_in() {
    let world = World::start().await;
    let (ada, operator) = (world.token("ada").await, world.token("operator").await);
    let id = world.submitted(&ada).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        world
            .get(format!("/api/v1/jobs/{id}"))
            .token(&operator)
            .send()
            .await
            .status,
        200
    );
    world
        .post("/api/v1/jobs", &job())
        .token(&operator)
        .send()
        .await
        .problem(404, "not-found");
    let stopped = world
        .ask("POST", format!("/api/v1/jobs/{id}/cancel"))
        .token(&operator)
        .send()
        .await;
    assert_eq!(stopped.status, 202);
}

#[tokio::test]
async fn an_auditor_of_a_share_sees_its_usage_and_no_other() {
    let world = World::start().await;
    let (ada, finn) = (world.token("ada").await, world.token("finn").await);
    world.submitted(&ada).await;
    let attempt = world.leased().await;
    world.started(&attempt).await;
    world.ended(&attempt).await;
    let all = world
        .get("/api/v1/usage")
        .token(&world.token("auditor").await)
        .send()
        .await
        .json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let finnish = world.get("/api/v1/usage").token(&finn).send().await.json();
    assert_eq!(finnish["items"], json!([]), "the hours were the Union's");
    let refused = world
        .get("/api/v1/usage?share=union")
        .token(&finn)
        .send()
        .await;
    refused.problem(403, "forbidden");
}

#[tokio::test]
async fn a_check_answers_with_every_rule_and_never_fails_for_a_no() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for (key, expected) in [
        ("main", "eligible"),
        ("outside", "not_eligible"),
        ("expired", "not_eligible"),
    ] {
        let body = json!({ "project": project(key) });
        let answer = world
            .post("/api/v1/eligibility/check", &body)
            .token(&token)
            .send()
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json()["decision"]["result"],
            expected,
            "{key}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn without_a_token_or_with_a_bad_one_the_challenge_says_so() {
    let world = World::start().await;
    let none = world.get("/api/v1/whoami").send().await;
    assert_eq!(none.header("www-authenticate"), "Bearer");
    insta::assert_json_snapshot!(none.problem(401, "not-signed-in"), { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:not-signed-in",
      "title": "Unauthorized",
      "status": 401,
      "code": "not-signed-in",
      "detail": "this needs an access token in the Authorization header",
      "remedy": "sign in with `alcyone login`, or send `Authorization: Bearer <token>`",
      "request_id": "[id]"
    }
    "#);
    for authorization in ["Basic YTpi", "Bearer", "Bearer ", "bearer\t"] {
        let answer = world
            .get("/api/v1/whoami")
            .header("authorization", authorization)
            .send()
            .await;
        answer.problem(401, "not-signed-in");
    }
    for token in ["x", "a.b.c", "e30.e30.e30", "\u{20ac}"] {
        let answer = world.get("/api/v1/whoami").token(token).send().await;
        assert_eq!(answer.status, 401, "{token}");
    }
}

#[tokio::test]
async fn refused_tokens_are_in_the_ledger_as_one_entry_and_a_count_a_minute() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{head}.{first}{}", signature.split_at(1).1);
    let failed = async || {
        let entries = world.store.entries(0, 200).await.unwrap();
        let bodies = entries.iter().map(|row| row.body().unwrap());
        let failed = bodies.filter(|body| body.kind == EntryKind::LoginFailed);
        failed.map(|body| body.data).collect::<Vec<_>>()
    };
    for _ in 0..20 {
        let answer = world.get("/api/v1/whoami").token(&forged).send().await;
        answer.problem(401, "token-refused");
    }
    let first = failed().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["door"], "api");
    assert_eq!(first[0]["issuer"], world.issuer.issuer());
    assert_eq!(first[0]["reason"], "bad_signature");
    assert_eq!(world.broker.enter_failed_logins_once().await.unwrap(), 0);
    world.advance(60);
    assert_eq!(world.broker.enter_failed_logins_once().await.unwrap(), 1);
    assert_eq!(failed().await[1]["count"], 19);
    world.outlive_tokens().await;
    let ended = world.get("/api/v1/whoami").token(&token).send().await;
    ended.problem(401, "token-refused");
    assert_eq!(failed().await.len(), 2, "a token that ends is no attempt");
}

#[tokio::test]
async fn an_expired_token_is_refused_with_the_remedy() {
    let world = World::start().await;
    let token = world.token("ada").await;
    assert_eq!(
        world
            .get("/api/v1/whoami")
            .token(&token)
            .send()
            .await
            .status,
        200
    );
    world.outlive_tokens().await;
    let answer = world.get("/api/v1/whoami").token(&token).send().await;
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    insta::assert_json_snapshot!(answer.problem(401, "token-refused"), { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:token-refused",
      "title": "Unauthorized",
      "status": 401,
      "code": "token-refused",
      "detail": "the token has expired; refresh it or sign in again",
      "remedy": "sign in again",
      "request_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn how_to_sign_in_is_told_to_everybody() {
    let world = World::start().await;
    let login = world.get("/api/v1/login").send().await.json();
    assert_eq!(login["issuer"], world.issuer.issuer());
    assert_eq!(login["client_id"], "alcyone-cli");
    let [only] = login["issuers"].as_array().unwrap().as_slice() else {
        panic!("{login}");
    };
    assert_eq!(only["issuer"], login["issuer"]);
    assert_eq!(only["client_id"], login["client_id"]);
    assert!(!only["name"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_broker_without_a_device_client_says_how_else_to_sign_in() {
    let mut world = World::start().await;
    world.state.login = Arc::default();
    world.router = broker_api::router(world.state.clone());
    let answer = world.get("/api/v1/login").send().await;
    let problem = answer.problem(404, "no-device-login");
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(remedy.contains("portal"), "{remedy}");
}
