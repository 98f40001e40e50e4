//! Nothing that opens a door or names a person gets into a log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::ask::job;
use crate::world::{World, agent_key};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged from a level on, by every crate in the process.
fn capture(level: tracing::Level) -> (Captured, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(captured.clone())
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .finish();
    (captured, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn no_token_cookie_address_or_script_gets_into_a_log() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (captured, _guard) = capture(tracing::Level::TRACE);
    let mut body = job();
    body["variants"]["x86_64+cuda"]["script"] = json!("export API_KEY=the-script-s-secret");
    let submit = world
        .post("/api/v1/jobs", &body)
        .token(&token)
        .header("cookie", "session=the-cookie");
    let answer = submit
        .header("x-request-id", "a-known-request")
        .send()
        .await;
    assert_eq!(answer.status, 202);
    world.get("/api/v1/whoami").token(&token).send().await;
    world
        .get("/api/v1/whoami")
        .token("a-token-that-is-refused")
        .send()
        .await;
    world
        .get("/api/v1/jobs?cursor=the-query")
        .token(&token)
        .send()
        .await;
    let broken = world
        .get("/api/v1/whoami")
        .token("makes-the-handler-panic")
        .send()
        .await;
    broken.problem(500, "internal");
    let attempt = world.leased().await;
    world.wrote(&attempt, 0, b"the-log-s-content").await;
    world.store.close().await;
    world
        .get("/api/v1/jobs")
        .token(&token)
        .send()
        .await
        .problem(503, "store-unavailable");

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a handler panicked") && log.contains("the database is not available"));
    assert!(
        log.contains("a-known-request"),
        "a request's lines carry its id"
    );
    let signature = token.rsplit('.').next().unwrap();
    for secret in [
        signature,
        &agent_key("meluxina").secret(),
        "the-script-s-secret",
        "the-cookie",
        "a-token-that-is-refused",
        "makes-the-handler-panic",
        "ada@people.example",
        "ada of the tests",
        "the-log-s-content",
        "the-query",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret}: {}", line.unwrap());
    }
}

#[tokio::test]
async fn writes_and_refusals_are_logged_by_default_with_id_route_status_and_time() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (captured, _guard) = capture(tracing::Level::INFO);
    let submit = world.post("/api/v1/jobs", &job()).token(&token);
    let answer = submit.header("x-request-id", "the-submission").send().await;
    assert_eq!(answer.status, 202);
    let ask = async |path: &str, id: &'static str| {
        let ask = world.get(path).token(&token).header("x-request-id", id);
        ask.send().await.status.as_u16()
    };
    assert_eq!(ask("/api/v1/whoami", "a-good-read").await, 200);
    let job = "/api/v1/jobs/job_00000000000000000000000000000000?code=secret";
    assert_eq!(ask(job, "a-bad-read").await, 404);
    world.store.close().await;
    assert_eq!(ask("/api/v1/jobs", "a-broken-read").await, 503);

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["message"] == "answered")
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            assert!(line["duration_ms"].is_u64(), "{line}");
            let status = line["status"].as_u64().unwrap();
            (
                text("level"),
                text("request.id"),
                text("method"),
                text("route"),
                status,
            )
        })
        .collect();
    let line = |level: &str, id: &str, method: &str, route: &str, status| {
        (
            level.to_owned(),
            id.to_owned(),
            method.to_owned(),
            route.to_owned(),
            status,
        )
    };
    assert_eq!(
        told,
        [
            line("INFO", "the-submission", "POST", "/api/v1/jobs", 202),
            line("INFO", "a-bad-read", "GET", "/api/v1/jobs/{id}", 404),
            line("WARN", "a-broken-read", "GET", "/api/v1/jobs", 503),
        ]
    );
    assert!(!log.contains("code=secret"), "{log}");
}

#[tokio::test]
async fn no_token_is_stored() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.submitted(&token).await;
    world.leased().await;
    world.store.close().await;
    let signature = token.rsplit('.').next().unwrap().as_bytes().to_vec();
    for secret in [signature, agent_key("meluxina").secret().into_bytes()] {
        for file in std::fs::read_dir(world.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{}", String::from_utf8_lossy(&secret));
        }
    }
}
