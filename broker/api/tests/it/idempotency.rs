use serde_json::json;

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
