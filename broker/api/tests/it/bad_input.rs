use serde_json::{Value, json};

use crate::ask::job;
use crate::world::{World, project};

async fn refused(world: &World, token: &str, body: &Value, status: u16, code: &str) -> Value {
    let quoted = world
        .post("/api/v1/jobs/quote", body)
        .token(token)
        .send()
        .await;
    if status == 400 {
        quoted.problem(status, code);
    }
    world
        .post("/api/v1/jobs", body)
        .token(token)
        .send()
        .await
        .problem(status, code)
}

fn with(pointer: &str, value: Value) -> Value {
    let mut job = job();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    job.pointer_mut(parent).unwrap()[key] = value;
    job
}

#[tokio::test]
async fn an_unknown_field_is_named_with_its_place_and_what_is_allowed() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let body = with("/resources/nodez", json!(2));
    let problem = refused(&world, &token, &body, 400, "invalid-body").await;
    insta::assert_json_snapshot!(problem["errors"], @r#"
    [
      {
        "field": "resources.nodez",
        "reason": "unknown field `nodez` (line 1, column 129)",
        "allowed": "one of `nodes`, `gpus_per_node`, `gpu_memory_gib`, `cpus_per_node`, `memory_gib_per_node`, `walltime`"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_wrong_type_is_named_with_its_place_and_what_is_allowed() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let mut said = Vec::new();
    for (pointer, value) in [
        ("/resources/nodes", json!("two")),
        ("/resources/walltime", json!("6 hours")),
        ("/resources/walltime", json!(6)),
        ("/project", json!("job_0192f0c1d2e37abc8def0123456789ab")),
        ("/variants/x86 cuda", json!({ "script": "x" })),
        ("/data", json!({ "sensitivity": "secret" })),
        ("/placement/require", json!(["not a site"])),
    ] {
        let body = with(pointer, value);
        let problem = refused(&world, &token, &body, 400, "invalid-body").await;
        let error = &problem["errors"][0];
        let words = |part: &str| error[part].as_str().unwrap().to_owned();
        said.push(format!(
            "{}: {}; allowed: {}",
            words("field"),
            words("reason"),
            words("allowed")
        ));
    }
    insta::assert_json_snapshot!(said, @r#"
    [
      "resources.nodes: invalid type: string \"two\" (line 1, column 91); allowed: a whole number, not negative",
      "resources.walltime: `6 hours` is not a duration (line 1, column 127); allowed: `90m`, `6h`, `2d`, `1h30m` or `5400s`, at most 366d",
      "resources.walltime: invalid type: integer `6` (line 1, column 118); allowed: a string",
      "project: `job_0192f0c1d2e37abc8def0123456789ab` is no project id (line 1, column 64); allowed: `prj_` and 32 hexadecimal digits",
      "variants.x86 cuda: `x86 cuda` is no container target id (line 1, column 183); allowed: `x86_64+cuda`, `x86_64+rocm`, `aarch64+cuda`, `x86_64` or the like",
      "data.sensitivity: unknown variant `secret` (line 1, column 241); allowed: one of `public`, `internal`, `personal`, `special`",
      "placement.require[0]: `not a site` is no site id (line 1, column 211); allowed: 1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit"
    ]
    "#);
}

#[tokio::test]
async fn everything_a_shape_cannot_say_is_refused_at_once_with_every_field() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let mut body = with("/resources/nodes", json!(0));
    body["name"] = json!("a b");
    body["variants"] = json!({ "x86_64+cuda": { "script": " ", "image": "docker://-x" } });
    body["data"] = json!({ "residency": "Europe" });
    let problem = refused(&world, &token, &body, 400, "invalid-job").await;
    insta::assert_json_snapshot!(problem, { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:invalid-job",
      "title": "Bad Request",
      "status": 400,
      "code": "invalid-job",
      "detail": "5 fields of the job cannot be accepted",
      "errors": [
        {
          "field": "name",
          "reason": "it holds a character that schedulers treat in different ways, or is too long",
          "allowed": "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit"
        },
        {
          "field": "resources.nodes",
          "reason": "0 is out of range",
          "allowed": "1 to 100000"
        },
        {
          "field": "variants.\"x86_64+cuda\".script",
          "reason": "it is empty",
          "allowed": "a shell script"
        },
        {
          "field": "variants.\"x86_64+cuda\".image",
          "reason": "not an image reference",
          "allowed": "`docker://host/path:tag`, `oras://host/path:tag` or an absolute path ending in `.sif`, of letters, digits and `. _ - / : @`"
        },
        {
          "field": "data.residency",
          "reason": "not a country code",
          "allowed": "`EU` or two capital letters (ISO 3166-1)"
        }
      ],
      "request_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn a_shell_metacharacter_or_newline_reaches_no_scheduler() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for nasty in [
        "a;id", "$(id)", "`id`", "a\nb", "a|b", "a&b", "'", "\"", "a b", "--x", "a\0b", "../x",
    ] {
        for pointer in [
            "/name",
            "/project",
            "/resources/walltime",
            "/placement/prefer/0",
            "/placement/require/0",
            "/placement/exclude/0",
            "/data/residency",
            "/data/sensitivity",
            "/variants/x86_64+cuda/image",
        ] {
            let mut body = job();
            body["placement"] =
                json!({ "prefer": ["lumi"], "require": ["lumi"], "exclude": ["lumi"] });
            body["data"] = json!({ "residency": "EU", "sensitivity": "public" });
            body["variants"]["x86_64+cuda"]["image"] = json!("docker://example.org/x:y");
            *body.pointer_mut(pointer).unwrap() = json!(nasty);
            let answer = world.post("/api/v1/jobs", &body).token(&token).send().await;
            assert_eq!(answer.status, 400, "{pointer} {nasty:?}: {}", answer.text());
        }
        let mut body = job();
        body["variants"] = json!({ nasty: { "script": "true" } });
        let answer = world.post("/api/v1/jobs", &body).token(&token).send().await;
        assert_eq!(answer.status, 400, "variants {nasty:?}: {}", answer.text());
    }
    let script = "echo \"$(id)\"; echo `id` | cat && echo 'x'\n";
    let body = with("/variants/x86_64+cuda/script", json!(script));
    let answer = world.post("/api/v1/jobs", &body).token(&token).send().await;
    assert_eq!(
        answer.status, 202,
        "a script is the user's own, and travels as a file"
    );
    let attempts = world.lease(1).await;
    assert_eq!(attempts["attempts"][0]["work"]["script"], script);
}

#[tokio::test]
async fn a_job_no_site_can_run_gets_the_clauses_of_every_partition() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let body = with("/resources/gpus_per_node", json!(1000));
    let problem = refused(&world, &token, &body, 409, "no-feasible-partition").await;
    let considered = problem["placement"]["considered"].as_array().unwrap();
    assert!(considered.len() >= 20, "{}", considered.len());
    assert!(
        considered
            .iter()
            .all(|one| !one["rejections"].as_array().unwrap().is_empty())
    );
    let clauses = considered
        .iter()
        .flat_map(|one| one["rejections"].as_array().unwrap());
    assert!({ clauses }.any(|one| one["clause"] == "gpu_count"));
    let quote = world
        .post("/api/v1/jobs/quote", &body)
        .token(&token)
        .send()
        .await;
    assert_eq!(
        (quote.status.as_u16(), &quote.json()["placement"]["chosen"]),
        (200, &json!(null))
    );
}

#[tokio::test]
async fn a_project_that_may_not_compute_is_refused_with_the_decision() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for key in ["expired", "outside"] {
        let problem = refused(
            &world,
            &token,
            &with("/project", json!(project(key))),
            403,
            "not-eligible",
        )
        .await;
        let rules = problem["decision"]["rules"].as_array().unwrap();
        let said: Vec<&Value> = rules
            .iter()
            .filter(|rule| rule["effect"] != "satisfied")
            .collect();
        assert!(!said.is_empty());
        assert!(
            said.iter()
                .all(|rule| rule["source"].is_string() && rule["remedy"].is_string())
        );
        assert!(problem["remedy"].is_string());
    }
    let bare = with("/project", json!(project("bare")));
    let problem = refused(&world, &token, &bare, 403, "no-allocation").await;
    insta::assert_json_snapshot!(problem, { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:no-allocation",
      "title": "Forbidden",
      "status": 403,
      "code": "no-allocation",
      "detail": "the project holds no allocation",
      "remedy": "apply for access; an accepted application brings an allocation",
      "request_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn a_job_over_the_remaining_hours_is_told_what_it_costs_and_what_is_left() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let mut body = with("/resources/walltime", json!("10h"));
    body["project"] = json!(project("small"));
    let problem = refused(&world, &token, &body, 409, "no-feasible-partition").await;
    let considered = problem["placement"]["considered"].as_array().unwrap();
    let hours: Vec<&str> = considered
        .iter()
        .flat_map(|one| one["rejections"].as_array().unwrap())
        .filter(|one| one["clause"] == "hours_left")
        .map(|one| one["words"].as_str().unwrap())
        .collect();
    assert!(
        hours.iter().any(|words| words.contains("5.0000 are left")),
        "{hours:?}"
    );
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large_even_without_a_length() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let body = with("/variants/x86_64+cuda/script", json!("x".repeat(10 << 20)));
    for path in [
        "/api/v1/jobs",
        "/api/v1/jobs/quote",
        "/api/v1/eligibility/check",
    ] {
        let answer = world.post(path, &body).token(&token).send().await;
        answer.problem(413, "body-too-large");
    }
    let script = with("/variants/x86_64+cuda/script", json!("x".repeat(300 << 10)));
    let problem = refused(&world, &token, &script, 400, "invalid-job").await;
    assert_eq!(problem["errors"][0]["allowed"], "at most 256 KiB");
}

#[tokio::test]
async fn another_content_type_is_refused_and_parameters_of_the_right_one_are_not() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let ask = |kind: &'static str| {
        world
            .ask("POST", "/api/v1/jobs/quote")
            .header("content-type", kind)
            .body(job().to_string())
    };
    for kind in [
        "text/plain",
        "application/toml",
        "application/jsonx",
        "",
        "application/x-www-form-urlencoded",
    ] {
        ask(kind)
            .token(&token)
            .send()
            .await
            .problem(415, "not-json");
    }
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
    ] {
        assert_eq!(ask(kind).token(&token).send().await.status, 200, "{kind}");
    }
    let none = world
        .ask("POST", "/api/v1/jobs")
        .body(job().to_string())
        .token(&token)
        .send()
        .await;
    none.problem(415, "not-json");
}

#[tokio::test]
async fn malformed_json_is_refused_with_line_and_column() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let deep = "[".repeat(100_000);
    for body in [
        "{",
        "{\n \"name\": }",
        "[]",
        "null",
        "\"x\"",
        "{\"name\": \"\u{0}\"}",
        &deep,
    ] {
        let ask = world
            .ask("POST", "/api/v1/jobs")
            .header("content-type", "application/json");
        let problem = ask
            .body(body)
            .token(&token)
            .send()
            .await
            .problem(400, "invalid-body");
        assert!(
            problem["detail"].as_str().unwrap().contains("line "),
            "{problem}"
        );
    }
    let ask = world
        .ask("POST", "/api/v1/jobs")
        .header("content-type", "application/json");
    ask.body(*b"{\"name\": \"\xff\"}")
        .token(&token)
        .send()
        .await
        .problem(400, "invalid-body");
}

#[tokio::test]
async fn a_bad_query_is_refused_with_what_is_allowed() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for query in [
        "jobs?limit=0",
        "jobs?limit=201",
        "jobs?limit=-1",
        "jobs?limit=x",
        "jobs?cursor=x",
        "jobs?cursor=",
        "jobs?state=sleeping",
        "jobs?state=",
        "jobs?project=x",
        "jobs?site=a%2Fb",
        "jobs?active=perhaps",
        "jobs?unknown=1",
        "jobs?limit=1&limit=2",
        "usage?month=november",
        "usage?month=2026-13",
        "usage?month=2026-1",
        "usage?share=theirs",
        "usage?cursor=job_0192f0c1d2e37abc8def0123456789ab",
        "ledger/entries?cursor=-1",
        "ledger/proofs/inclusion",
        "ledger/proofs/inclusion?seq=x",
        "ledger/proofs/consistency?from=1",
    ] {
        let problem = world
            .get(format!("/api/v1/{query}"))
            .token(&token)
            .send()
            .await;
        let problem = problem.problem(400, "invalid-request");
        assert!(
            problem["detail"].as_str().unwrap().len() > 10,
            "{query}: {problem}"
        );
    }
    let state = world
        .get("/api/v1/jobs?state=running,sleeping")
        .token(&token)
        .send()
        .await;
    insta::assert_json_snapshot!(state.json()["detail"], @r#""state: `sleeping` is none; allowed: pending, held, placed, queued, running, completed, failed, cancelled, timed_out""#);
}

#[tokio::test]
async fn what_is_no_id_is_not_there() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for id in [
        "x",
        "job_",
        "prj_0192f0c1d2e37abc8def0123456789ab",
        "job_0192F0C1D2E37ABC8DEF0123456789AB",
        "%00",
        "..%2f..",
        "1%20OR%201=1",
    ] {
        let answer = world
            .get(format!("/api/v1/jobs/{id}"))
            .token(&token)
            .send()
            .await;
        let problem = answer.problem(404, "not-found");
        let detail = problem["detail"].as_str().unwrap();
        let form = "is no job id: expected `job_` and 32 hexadecimal digits";
        assert!(detail.ends_with(form), "{detail}");
    }
    let lena = world.token("lena").await;
    let nothing = world.ask("DELETE", "/api/v1/sites/lumi/controls/job_1");
    let problem = nothing.token(&lena).send().await.problem(404, "not-found");
    let detail = problem["detail"].as_str().unwrap();
    for kind in ["win_", "drn_", "inc_", "vet_", "org_"] {
        assert!(detail.contains(kind), "{detail}");
    }
    world
        .get("/api/v1/jobs/%ff")
        .token(&token)
        .send()
        .await
        .problem(400, "invalid-request");
    world
        .get("/api/v1/sites/atlantis")
        .token(&token)
        .send()
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn an_unknown_path_and_another_method_are_problems_too() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for path in ["/api/v1/nothing", "/api/v1/jobs/x/y/z", "/agent/v1/enroll"] {
        let problem = world
            .get(path)
            .token(&token)
            .send()
            .await
            .problem(404, "not-found");
        assert!(
            problem["detail"].as_str().unwrap().contains("openapi.json"),
            "{path}"
        );
    }
    for (method, path) in [
        ("DELETE", "/api/v1/jobs"),
        ("PUT", "/api/v1/whoami"),
        ("GET", "/agent/v1/lease"),
    ] {
        let answer = world.ask(method, path).token(&token).send().await;
        answer.problem(405, "method-not-allowed");
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
    }
}

#[tokio::test]
async fn an_empty_body_and_one_that_is_a_list_are_told_apart_without_names_of_types() {
    let world = crate::world::World::start().await;
    let lena = world.token("lena").await;
    let send = async |body: &'static str| {
        let ask = world.ask("POST", "/api/v1/sites/lumi/drains");
        let answer = ask
            .token(&lena)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        answer.problem(400, "invalid-body")
    };
    for blank in ["", " \n"] {
        let problem = send(blank).await;
        assert_eq!(problem["detail"], "the body is empty");
        assert_eq!(problem["errors"][0]["field"], "(body)");
    }
    for other in ["[]", "5"] {
        let problem = send(other).await;
        let text = problem.to_string();
        assert!(
            !text.contains("struct") && !text.contains("Draft"),
            "{text}"
        );
        assert_eq!(problem["errors"][0]["allowed"], "a JSON object", "{text}");
    }
}
