use crate::world::World;

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
