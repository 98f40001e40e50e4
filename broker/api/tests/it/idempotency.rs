use serde_json::{Value, json};

use crate::ask::{Ask, job};
use crate::world::World;

fn submit<'a>(world: &'a World, token: &str, key: &str) -> Ask<'a> {
    world
        .post("/api/v1/jobs", &job())
        .token(token)
        .header("idempotency-key", key)
}

#[tokio::test]
async fn the_same_key_and_body_give_the_first_answer_byte_for_byte_and_one_job() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let first = submit(&world, &token, "k-1").send().await;
    world.advance(5);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    world
        .ask("POST", format!("/api/v1/jobs/{id}/cancel"))
        .token(&token)
        .send()
        .await;
    let again = submit(&world, &token, "k-1").send().await;
    assert_eq!((first.status, &first.bytes), (again.status, &again.bytes));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(first.header("content-type"), again.header("content-type"));
    let jobs = world.get("/api/v1/jobs").token(&token).send().await.json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let world = World::start().await;
    let token = world.token("ada").await;
    submit(&world, &token, "k-1").send().await;
    let mut other = job();
    other["name"] = json!("another");
    let answer = world
        .post("/api/v1/jobs", &other)
        .token(&token)
        .header("idempotency-key", "k-1");
    let problem = answer.send().await.problem(422, "idempotency-key-reused");
    insta::assert_json_snapshot!(problem, { ".request_id" => "[id]" }, @r#"
    {
      "type": "urn:alcyone:problem:idempotency-key-reused",
      "title": "Unprocessable Entity",
      "status": 422,
      "code": "idempotency-key-reused",
      "detail": "this idempotency key was used for another request",
      "remedy": "use a new key for a new request",
      "request_id": "[id]"
    }
    "#);
}

#[tokio::test]
async fn a_second_request_while_the_first_is_in_flight_is_told_to_wait() {
    let world = World::start().await;
    let token = world.token("ada").await;
    // Who asks is known by now: what both wait for is the store.
    world.get("/api/v1/jobs").token(&token).send().await;
    let (first, second) = tokio::join!(
        submit(&world, &token, "k-1").send(),
        submit(&world, &token, "k-1").send()
    );
    assert_eq!(first.status, 202);
    second.problem(409, "request-in-flight");
    assert_eq!(second.header("retry-after"), "1");
    let third = submit(&world, &token, "k-1").send().await;
    assert_eq!(third.bytes, first.bytes);
}

#[tokio::test]
async fn keys_are_each_caller_s_own_and_a_refusal_does_not_use_one_up() {
    let world = World::start().await;
    let (ada, bo) = (world.token("ada").await, world.token("bo").await);
    submit(&world, &bo, "k-1")
        .send()
        .await
        .problem(404, "not-found");
    assert_eq!(submit(&world, &ada, "k-1").send().await.status, 202);
    let mut his = job();
    his["project"] = json!(crate::world::project("rivals"));
    let answer = world
        .post("/api/v1/jobs", &his)
        .token(&bo)
        .header("idempotency-key", "k-1");
    assert_eq!(answer.send().await.status, 202);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::start().await;
    let token = world.token("ada").await;
    for key in [String::new(), "x".repeat(129), "\u{e9}".to_owned()] {
        submit(&world, &token, &key)
            .send()
            .await
            .problem(400, "invalid-request");
    }
}

/// A POST of lena's at LUMI, whose administrator she is.
fn at_lumi<'a>(world: &'a World, token: &str, (what, body): (&str, &Value)) -> Ask<'a> {
    world
        .post(format!("/api/v1/sites/lumi/{what}"), body)
        .token(token)
        .header("idempotency-key", "k-1")
}

#[tokio::test]
async fn what_an_administrator_sets_twice_under_one_key_is_set_once() {
    let drafts = [
        (
            "windows",
            json!({ "share": "union", "from": "2027-01-01T00:00:00Z", "to": "2027-02-01T00:00:00Z",
                "gpu_hours": 1000 }),
        ),
        ("drains", json!({ "reason": "a new file system" })),
        (
            "incidents",
            json!({ "kind": "incident", "severity": "info", "title": "Slow", "words": "It is slow." }),
        ),
        (
            "vetoes",
            json!({ "allocation": broker_app::setup::allocation_id("main", "playground"), "reason": "export control" }),
        ),
    ];
    for (what, draft) in drafts {
        let world = World::start().await;
        let lena = world.token("lena").await;
        let first = at_lumi(&world, &lena, (what, &draft)).send().await;
        assert_eq!(first.status, 201, "{what}: {}", first.text());
        world.advance(5);
        let again = at_lumi(&world, &lena, (what, &draft)).send().await;
        assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        let set = world.get("/api/v1/sites/lumi/controls").token(&lena);
        let set = set.send().await.json();
        assert_eq!(set[what].as_array().unwrap().len(), 1, "{what}");
        let mut other = draft.clone();
        let field = if what == "windows" {
            "gpu_hours"
        } else {
            "reason"
        };
        let field = if what == "incidents" { "words" } else { field };
        other[field] = if what == "windows" {
            json!(5)
        } else {
            json!("another")
        };
        at_lumi(&world, &lena, (what, &other))
            .send()
            .await
            .problem(422, "idempotency-key-reused");
    }
}

#[tokio::test]
async fn news_of_an_incident_is_told_once_and_the_same_words_elsewhere_are_another_request() {
    let world = World::start().await;
    let lena = world.token("lena").await;
    let incident =
        json!({ "kind": "incident", "severity": "info", "title": "Slow", "words": "Slow." });
    let open = || world.post("/api/v1/sites/lumi/incidents", &incident);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let opened = open().token(&lena).send().await.json();
        ids.push(opened["id"].as_str().unwrap().to_owned());
    }
    let news = json!({ "words": "It takes longer." });
    let tell = |id: &str| format!("incidents/{id}/updates");
    let first = at_lumi(&world, &lena, (&tell(&ids[0]), &news)).send().await;
    let again = at_lumi(&world, &lena, (&tell(&ids[0]), &news)).send().await;
    assert_eq!((first.status.as_u16(), &first.bytes), (200, &again.bytes));
    assert_eq!(again.json()["updates"].as_array().unwrap().len(), 1);
    at_lumi(&world, &lena, (&tell(&ids[1]), &news))
        .send()
        .await
        .problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_repeated_invite_makes_no_other_and_its_line_is_kept_nowhere() {
    let world = World::start().await;
    let lena = world.token("lena").await;
    let body = json!({ "note": "login node" });
    let first = at_lumi(&world, &lena, ("invites", &body)).send().await;
    let again = at_lumi(&world, &lena, ("invites", &body)).send().await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    let (mut first, again) = (first.json(), again.json());
    assert!(first.as_object_mut().unwrap().remove("text").is_some());
    assert_eq!(first, again);
    let list = world.get("/api/v1/sites/lumi/invites").token(&lena);
    let list = list.send().await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_allocation_is_refused_once_at_a_place_and_the_second_veto_names_the_first() {
    let world = World::start().await;
    let lena = world.token("lena").await;
    let allocation = broker_app::setup::allocation_id("main", "playground");
    let veto = |system: Option<&str>| {
        let mut body = json!({ "allocation": allocation, "reason": "export control" });
        if let Some(system) = system {
            body["system"] = system.into();
        }
        world.post("/api/v1/sites/lumi/vetoes", &body).token(&lena)
    };
    let narrow = veto(Some("lumi")).send().await.json();
    let wide = veto(None).send().await;
    assert_eq!(wide.status, 201, "a wider one says more");
    let problem = veto(Some("lumi")).send().await.problem(409, "already-so");
    let words = problem["detail"].as_str().unwrap();
    assert!(words.contains(narrow["id"].as_str().unwrap()), "{words}");
}
