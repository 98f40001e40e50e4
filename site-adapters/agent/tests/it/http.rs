//! The same messages over HTTP: what the transport makes of a broker's answers.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use broker_model::{Ids, OutcomeKind, SystemClock};
use site_adapter::{BrokerLink, LeaseRequest, LinkError, Report};
use site_agent::{HttpLink, HttpLinkConfig, HttpLinkError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::MemoryBroker;
use crate::site::ScriptedSite;
use crate::stage::{leased, running_agent};

type Answers = Arc<Mutex<VecDeque<(StatusCode, &'static str)>>>;

#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) broker: Arc<MemoryBroker>,
    token: Arc<Mutex<String>>,
    answers: Answers,
}

async fn answer(
    State(front): State<Front>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let expected = format!("Bearer {}", front.token.lock().unwrap());
    if headers
        .get("authorization")
        .is_none_or(|value| value != expected.as_str())
    {
        return (
            StatusCode::UNAUTHORIZED,
            r#"{"detail":"unknown token"}"#.to_owned(),
        );
    }
    if let Some((status, body)) = front.answers.lock().unwrap().pop_front() {
        return (status, body.to_owned());
    }
    let reply = if uri.path() == "/agent/v1/lease" {
        let request = serde_json::from_slice(&body).unwrap();
        front
            .broker
            .lease(request)
            .await
            .map(|it| serde_json::to_string(&it))
    } else {
        let report = serde_json::from_slice(&body).unwrap();
        front
            .broker
            .report(report)
            .await
            .map(|it| serde_json::to_string(&it))
    };
    match reply {
        Ok(reply) => (StatusCode::OK, reply.unwrap()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// A broker on loopback, stopped with the test.
pub(crate) struct Served {
    pub(crate) front: Front,
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Served {
    pub(crate) async fn start() -> Self {
        // Refused when another test was first; one provider is all that is asked for.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let front = Front {
            broker: Arc::new(MemoryBroker::new(Arc::new(SystemClock))),
            token: Arc::new(Mutex::new("first".to_owned())),
            answers: Answers::default(),
        };
        let routes = routes(front.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let server = axum::serve(listener, routes).with_graceful_shutdown(stopped);
            server.await.unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "first\n").unwrap();
        Self {
            front,
            url,
            folder,
            stop,
        }
    }

    pub(crate) fn token_file(&self) -> std::path::PathBuf {
        self.folder.path().join("token")
    }

    fn link(&self) -> HttpLink {
        HttpLink::new(&link_config(&self.url, &self.token_file())).unwrap()
    }
}

fn routes(front: Front) -> Router {
    Router::new()
        .route("/agent/v1/lease", post(answer))
        .route("/agent/v1/report", post(answer))
        .with_state(front)
}

fn link_config(broker: &str, token_file: &Path) -> HttpLinkConfig {
    HttpLinkConfig {
        broker: broker.parse().unwrap(),
        token_file: token_file.to_owned(),
        ca_file: None,
    }
}

fn empty_report() -> Report {
    Report {
        agent: Ids::from_os().next(&SystemClock),
        instance: None,
        site: "meluxina".parse().unwrap(),
        snapshot: None,
        attempts: Vec::new(),
        logs: Vec::new(),
        working_on: Vec::new(),
    }
}

#[tokio::test]
async fn an_agent_works_over_http_as_it_does_in_process() {
    let served = Served::start().await;
    let broker = served.front.broker.clone();
    let site = Arc::new(ScriptedSite::new(broker.clone(), Arc::new(SystemClock)));
    let offered = leased("echo hello");
    let attempt = offered.attempt;
    broker.offer(offered);
    let agent = running_agent(Arc::new(served.link()), site.clone());
    let shutdown = CancellationToken::new();
    let settled = async {
        while !broker.row(attempt).is_settled() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        shutdown.cancel();
    };
    let both = async { tokio::join!(agent.run(shutdown.clone()), settled) };
    tokio::time::timeout(crate::crash::DEADLINE, both)
        .await
        .unwrap();
    assert_eq!(broker.row(attempt).outcome(), Some(OutcomeKind::Completed));
    assert_eq!(broker.row(attempt).stdout, b"hello\nworld\n");
}

#[tokio::test]
async fn a_changed_token_is_read_again() {
    let served = Served::start().await;
    let link = served.link();
    *served.front.token.lock().unwrap() = "second".to_owned();
    let rejected = link.report(empty_report()).await.unwrap_err();
    assert!(matches!(rejected, LinkError::Unauthorized(words) if words.contains("unknown token")));
    std::fs::write(served.token_file(), "second").unwrap();
    link.report(empty_report()).await.unwrap();
}

#[tokio::test]
async fn each_status_says_what_to_do() {
    let served = Served::start().await;
    let link = served.link();
    for (status, expected) in [
        (StatusCode::FORBIDDEN, "does not accept"),
        (StatusCode::BAD_REQUEST, "refused the message"),
        (StatusCode::UNPROCESSABLE_ENTITY, "refused the message"),
        (StatusCode::BAD_GATEWAY, "cannot be reached"),
        (StatusCode::TOO_MANY_REQUESTS, "cannot be reached"),
        (StatusCode::NOT_FOUND, "cannot be reached"),
        (StatusCode::MOVED_PERMANENTLY, "cannot be reached"),
    ] {
        served
            .front
            .answers
            .lock()
            .unwrap()
            .push_back((status, r#"{"detail":"why"}"#));
        let error = link.report(empty_report()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{status}: {error}");
        assert!(error.contains("why"), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_proxys_page_is_not_an_answer() {
    let served = Served::start().await;
    served
        .front
        .answers
        .lock()
        .unwrap()
        .push_back((StatusCode::OK, "<html>login</html>"));
    let error = served.link().report(empty_report()).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_down_is_unreachable_and_the_token_is_in_no_message() {
    let served = Served::start().await;
    let config = link_config("http://127.0.0.1:9", &served.token_file());
    let link = HttpLink::new(&config).unwrap();
    let request = LeaseRequest {
        agent: Ids::from_os().next(&SystemClock),
        instance: None,
        site: "meluxina".parse().unwrap(),
        want: 1,
        wait_seconds: 0,
        working_on: Vec::new(),
    };
    let error = link.lease(request).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
    assert!(!format!("{error} {link:?}").contains("first"));
}

#[test]
fn a_token_never_travels_in_the_clear() {
    for bad in [
        "http://broker.example.org",
        "http://10.0.0.1:8080",
        "ftp://localhost",
    ] {
        let error = HttpLink::new(&link_config(bad, Path::new("/nonexistent"))).unwrap_err();
        assert!(
            matches!(error, HttpLinkError::Insecure(_)),
            "{bad}: {error}"
        );
    }
}

#[test]
fn a_missing_or_empty_token_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let missing = HttpLink::new(&link_config("https://broker.example.org", &path)).unwrap_err();
    assert!(matches!(missing, HttpLinkError::Unreadable { .. }));
    std::fs::write(&path, "\n").unwrap();
    let empty = HttpLink::new(&link_config("https://broker.example.org", &path)).unwrap_err();
    assert!(
        empty.to_string().contains(path.to_str().unwrap()),
        "{empty}"
    );
}

#[tokio::test]
async fn a_broker_with_a_certificate_of_the_sites_own_authority_is_trusted_by_its_file() {
    let served = Served::start().await;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls =
        axum_server::tls_rustls::RustlsConfig::from_pem(certificate.clone().into(), key.into());
    let tls = tls.await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let handle = axum_server::Handle::new();
    let secured = axum_server::from_tcp_rustls(listener, tls)
        .unwrap()
        .handle(handle.clone());
    let listening = tokio::spawn(secured.serve(routes(served.front.clone()).into_make_service()));

    let ca_file = served.folder.path().join("ca.pem");
    std::fs::write(&ca_file, certificate).unwrap();
    let mut config = link_config(&url, &served.token_file());
    let stranger = HttpLink::new(&config).unwrap();
    let error = stranger.report(empty_report()).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
    config.ca_file = Some(ca_file);
    let link = HttpLink::new(&config).unwrap();
    link.report(empty_report()).await.unwrap();
    handle.shutdown();
    listening.await.unwrap().unwrap();
}
