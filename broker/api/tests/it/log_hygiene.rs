//! Nothing that opens a door or names a person gets into a log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::ask::job;
use crate::world::{World, agent_token};

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

/// Everything, down to TRACE of every crate in the process.
fn capture() -> (Captured, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .json()
        .with_current_span(true)
        .finish();
    (captured, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn no_token_cookie_address_or_script_gets_into_a_log() {
    let world = World::start().await;
    let token = world.token("ada").await;
    let (captured, _guard) = capture();
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
        &agent_token("meluxina"),
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
async fn no_token_is_stored() {
    let world = World::start().await;
    let token = world.token("ada").await;
    world.submitted(&token).await;
    world.leased().await;
    world.store.close().await;
    let signature = token.rsplit('.').next().unwrap().as_bytes().to_vec();
    for secret in [signature, agent_token("meluxina").into_bytes()] {
        for file in std::fs::read_dir(world.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{}", String::from_utf8_lossy(&secret));
        }
    }
}
