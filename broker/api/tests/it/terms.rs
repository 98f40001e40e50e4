//! Terms over HTTP: asked for, read in a language, accepted once, and what their lack refuses.

use broker_app::TermsSet;
use broker_store::Ledger as _;
use serde_json::{Value, json};

use crate::ask::{Answer, job};
use crate::world::{World, project};

const ACCEPT: &str = "/api/v1/terms/platform/acceptances";

/// Walked through here: what is accepted has to be in force first.
pub(crate) fn is_of_it(path: &str) -> bool {
    path.starts_with("/api/v1/terms/")
}

fn file(scope: &str, version: &str) -> (String, String) {
    let (id, of) = match scope {
        "platform" => ("platform".to_owned(), "\"platform\"".to_owned()),
        site => (format!("site-{site}"), format!("{{ site = \"{site}\" }}")),
    };
    let text = format!(
        r#"
        id = "{id}"
        scope = {of}
        version = "{version}"
        effective = "2026-01-01"
        source = "made for a test"
        [text.en]
        title = "Terms of {scope}"
        body = "Be kind, says {version}."
        [text.es]
        title = "Condiciones"
        link = "https://terms.example/es"
        sha256 = "{}"
        "#,
        "a".repeat(64)
    );
    (format!("{id}.toml"), text)
}

fn put(world: &World, scopes: &[(&str, &str)]) {
    let files: Vec<_> = scopes.iter().map(|(scope, it)| file(scope, it)).collect();
    world.broker.put_terms(TermsSet::read(&files).unwrap());
}

async fn listed(world: &World, token: &str, language: &str) -> Vec<Value> {
    let ask = world.get("/api/v1/terms").token(token);
    let answer = ask.header("accept-language", language).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().clone()
}

async fn accepted(world: &World, token: &str, terms: &Value) -> Answer {
    let id = terms["document"].as_str().unwrap();
    let body = json!({ "version": terms["version"], "digest": terms["digest"] });
    let path = format!("/api/v1/terms/{id}/acceptances");
    world.post(path, &body).token(token).send().await
}

async fn entries(world: &World) -> u64 {
    world.store.ledger_size().await.unwrap()
}

#[tokio::test]
async fn terms_are_told_in_the_readers_language_and_accepted_once_with_one_entry() {
    let world = World::start().await;
    let token = world.token("ada").await;
    assert_eq!(listed(&world, &token, "en").await, Vec::<Value>::new());
    put(&world, &[("lumi", "2026-01"), ("platform", "2026-01")]);
    let spanish = listed(&world, &token, "fi, es;q=0.9, en;q=0.8").await;
    assert_eq!(spanish[0]["document"], "platform");
    assert_eq!(spanish[0]["title"], "Condiciones");
    assert_eq!(spanish[0]["link"], "https://terms.example/es");
    assert_eq!(spanish[0]["digest"], "a".repeat(64));
    assert_eq!(spanish[1]["site"], "lumi");
    let english = listed(&world, &token, "fi").await;
    assert_eq!(english[0]["text"], "Be kind, says 2026-01.");
    assert_eq!(english[0]["languages"], json!(["en", "es"]));
    assert_eq!(english[0]["accepted_at"], Value::Null);

    let before = entries(&world).await;
    let first = accepted(&world, &token, &english[0]).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(entries(&world).await - before, 1);
    world.advance(60);
    let again = accepted(&world, &token, &spanish[0]).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.json(), first.json(), "the first one stands");
    assert_eq!(entries(&world).await - before, 1);
    let shown = listed(&world, &token, "es").await;
    assert_eq!(shown[0]["accepted_at"], first.json()["accepted_at"]);
    assert_eq!(shown[1]["accepted_at"], Value::Null);
}

#[tokio::test]
async fn a_job_without_them_is_refused_with_each_document_and_how_to_accept_it() {
    let world = World::start().await;
    let token = world.token("ada").await;
    put(&world, &[("platform", "2026-01"), ("meluxina", "2026-02")]);
    let before = entries(&world).await;
    let submit = async || {
        let ask = world.post("/api/v1/jobs", &job()).token(&token);
        ask.send().await
    };
    let refused = submit().await.problem(403, "terms-not-accepted");
    let platform = json!([{ "document": "platform", "version": "2026-01",
        "title": "Terms of platform", "how": "alcyone terms accept platform" }]);
    assert_eq!(refused["terms"], platform);
    assert_eq!(entries(&world).await, before);
    let all = listed(&world, &token, "en").await;
    accepted(&world, &token, &all[0]).await;
    let refused = submit().await.problem(403, "terms-not-accepted");
    let of_site = json!([{ "document": "site-meluxina", "version": "2026-02", "site": "meluxina",
        "title": "Terms of meluxina", "how": "alcyone terms accept site-meluxina" }]);
    assert_eq!(refused["terms"], of_site);
    let quote = world.post("/api/v1/jobs/quote", &job()).token(&token);
    let quote = quote.send().await;
    assert_eq!(quote.status, 200, "{}", quote.text());
    assert_eq!(quote.json()["missing"][0]["terms"], of_site[0]);
    let rejected = &quote.json()["placement"]["considered"];
    let of_terms = { rejected.as_array().unwrap().iter() }
        .flat_map(|it| it["rejections"].as_array().unwrap())
        .filter(|it| it["clause"] == "terms");
    assert!(of_terms.count() > 0, "{rejected}");
    accepted(&world, &token, &all[1]).await;
    let job = submit().await;
    assert_eq!(job.status, 202, "{}", job.text());
}

#[tokio::test]
async fn what_is_not_in_force_or_was_read_otherwise_is_a_conflict_that_names_what_is() {
    let world = World::start().await;
    let token = world.token("ada").await;
    put(&world, &[("platform", "2026-01")]);
    let mut read = listed(&world, &token, "en").await.remove(0);
    put(&world, &[("platform", "2026-02")]);
    let before = entries(&world).await;
    let problem = accepted(&world, &token, &read).await;
    let problem = problem.problem(409, "terms-not-in-force");
    assert_eq!(problem["terms"][0]["version"], "2026-02");
    read["version"] = json!("2026-02");
    let problem = accepted(&world, &token, &read).await;
    problem.problem(409, "terms-not-in-force");
    read["document"] = json!("site-lumi");
    let problem = accepted(&world, &token, &read).await;
    let problem = problem.problem(404, "not-found");
    assert!(
        problem["remedy"]
            .as_str()
            .unwrap()
            .contains("`alcyone terms`")
    );
    let wrong = world.post(ACCEPT, &json!({ "version": "2026-02" }));
    wrong
        .token(&token)
        .send()
        .await
        .problem(400, "invalid-body");
    assert_eq!(entries(&world).await, before);
}

#[tokio::test]
async fn pre_flight_tells_terms_with_whose_turn_it_is() {
    let world = World::start().await;
    let token = world.token("ada").await;
    put(&world, &[("platform", "2026-01"), ("lumi", "2026-01")]);
    let asked = json!({ "project": project("main") });
    let check = world.post("/api/v1/eligibility/check", &asked);
    let check = check.token(&token).send().await.json();
    let missing = check["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 2, "{missing:?}");
    assert_eq!(missing[0]["what"], "terms");
    assert_eq!(missing[0]["by"], "you");
    assert_eq!(missing[0]["how"], "alcyone terms accept platform");
    assert_eq!(missing[1]["site"], "lumi");
}
