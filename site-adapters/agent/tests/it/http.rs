//! The same messages over HTTP: what the transport makes of a broker's answers.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_link::request::Claims;
use agent_link::{KeyPair, PublicKey, RotateReply, RotateRequest, answer};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::routing::post;
use axum_server::tls_rustls::RustlsConfig;
use broker_model::{Clock as _, Ids, OutcomeKind, SystemClock};
use jiff::Timestamp;
use site_adapter::{BrokerLink, LeaseRequest, LinkError, Report};
use site_agent::{HttpLink, HttpLinkConfig, HttpLinkError, Identity, keep_key_fresh};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::MemoryBroker;
use crate::site::ScriptedSite;
use crate::stage::{leased, running_agent};

type Answers = Arc<Mutex<VecDeque<(StatusCode, &'static str)>>>;

#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) broker: Arc<MemoryBroker>,
    key: KeyPair,
    /// The agent's key that is let in.
    pub(crate) known: Arc<Mutex<PublicKey>>,
    answers: Answers,
    /// The answer to the next change of a key is lost on the way.
    loses_rotation: Arc<AtomicBool>,
}

async fn answer(
    State(front): State<Front>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let claims = Claims::read(&headers, (&method, &uri)).unwrap();
    let (status, text) = front.says(&claims, &uri, &body).await;
    if uri.path() == "/agent/v1/rotate" && front.loses_rotation.swap(false, Ordering::SeqCst) {
        return (StatusCode::BAD_GATEWAY, HeaderMap::new(), String::new());
    }
    let signed = answer::sign(&front.key, 1, &claims, status, text.as_bytes());
    (status, signed.into_iter().collect(), text)
}

impl Front {
    async fn says(&self, claims: &Claims, uri: &Uri, body: &[u8]) -> (StatusCode, String) {
        let known = *self.known.lock().unwrap();
        if claims.key_id != known.id() || !claims.is_by(&known) || !claims.covers(body) {
            let problem = r#"{"detail":"unknown key","remedy":"enrol"}"#;
            return (StatusCode::UNAUTHORIZED, problem.to_owned());
        }
        if let Some((status, body)) = self.answers.lock().unwrap().pop_front() {
            return (status, body.to_owned());
        }
        let reply = match uri.path() {
            "/agent/v1/lease" => {
                let request = serde_json::from_slice(body).unwrap();
                self.broker
                    .lease(request)
                    .await
                    .map(|it| serde_json::to_string(&it))
            }
            "/agent/v1/rotate" => {
                let request: RotateRequest = serde_json::from_slice(body).unwrap();
                *self.known.lock().unwrap() = request.public_key;
                let old_key_until = Timestamp::UNIX_EPOCH;
                Ok(serde_json::to_string(&RotateReply { old_key_until }))
            }
            _ => {
                let report = serde_json::from_slice(body).unwrap();
                self.broker
                    .report(report)
                    .await
                    .map(|it| serde_json::to_string(&it))
            }
        };
        match reply {
            Ok(reply) => (StatusCode::OK, reply.unwrap()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        }
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
        let agent = KeyPair::generate();
        let front = Front {
            broker: Arc::new(MemoryBroker::new(Arc::new(SystemClock))),
            known: Arc::new(Mutex::new(*agent.public())),
            key: KeyPair::generate(),
            answers: Answers::default(),
            loses_rotation: Arc::default(),
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
        let served = Self {
            front,
            url,
            folder,
            stop,
        };
        served.enrolled(agent);
        served
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// Writes the identity of an agent that came in here.
    pub(crate) fn enrolled(&self, key: KeyPair) -> Identity {
        let identity = Identity {
            agent: Ids::from_os().next(&SystemClock),
            site: "meluxina".parse().unwrap(),
            broker: self.url.parse().unwrap(),
            broker_key: *self.front.key.public(),
            key,
            key_made_at: Timestamp::UNIX_EPOCH,
        };
        identity.store(&self.data()).unwrap();
        identity
    }

    pub(crate) fn link(&self) -> HttpLink {
        HttpLink::new(&self.config(&self.url)).unwrap()
    }

    pub(crate) fn config(&self, broker: &str) -> HttpLinkConfig {
        HttpLinkConfig {
            data_dir: self.data(),
            broker: Some(broker.parse().unwrap()),
            ca_file: None,
            proxy: None,
        }
    }

    /// Serves the same over TLS on `localhost`; where, and with which certificate.
    pub(crate) async fn secured(&self) -> (String, PathBuf) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let tls = RustlsConfig::from_pem(certificate.clone().into(), key.into());
        let tls = tls.await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
        let serving = server.serve(routes(self.front.clone()).into_make_service());
        let stopped = self.stop.clone().cancelled_owned();
        tokio::spawn(async move {
            tokio::select! {
                done = serving => done.unwrap(),
                () = stopped => {}
            }
        });
        let ca_file = self.folder.path().join("ca.pem");
        std::fs::write(&ca_file, certificate).unwrap();
        (format!("https://localhost:{port}"), ca_file)
    }
}

fn routes(front: Front) -> Router {
    Router::new()
        .route("/agent/v1/lease", post(answer))
        .route("/agent/v1/report", post(answer))
        .route("/agent/v1/rotate", post(answer))
        .with_state(front)
}

pub(crate) fn empty_report() -> Report {
    Report {
        snapshot_ttl_seconds: None,
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
            tokio::time::sleep(Duration::from_millis(2)).await;
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
async fn a_key_that_was_changed_on_the_disk_is_taken_up() {
    let served = Served::start().await;
    let link = served.link();
    let new = KeyPair::generate();
    *served.front.known.lock().unwrap() = *new.public();
    let rejected = link.report(empty_report()).await.unwrap_err();
    let said = rejected.to_string();
    assert!(matches!(rejected, LinkError::Unauthorized(_)), "{said}");
    assert!(said.contains("unknown key; enrol"), "{said}");
    served.enrolled(new);
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
async fn what_the_broker_did_not_sign_is_weather_whatever_it_says() {
    let served = Served::start().await;
    let impostor = Served::start().await;
    *impostor.front.known.lock().unwrap() = *served.front.known.lock().unwrap();
    let link = HttpLink::new(&served.config(&impostor.url)).unwrap();
    let error = link.report(empty_report()).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, LinkError::Unreachable(_)), "{said}");
    assert!(
        said.contains("not signed with the key that this agent was enrolled with"),
        "{said}"
    );
    assert!(said.contains("somebody is in between"), "{said}");
}

#[tokio::test]
async fn a_page_of_something_in_between_is_no_answer_and_its_401_no_reason_to_give_up() {
    let served = Served::start().await;
    for status in [StatusCode::OK, StatusCode::UNAUTHORIZED] {
        let page = move || async move { (status, "<html>login</html>") };
        let url = serve(Router::new().fallback(page)).await;
        let link = HttpLink::new(&served.config(&url)).unwrap();
        let error = link.report(empty_report()).await.unwrap_err();
        assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains(status.as_str()), "{error}");
    }
}

#[tokio::test]
async fn who_asks_for_patience_gets_it_within_reason() {
    let served = Served::start().await;
    for (asked, given) in [("7", 7), ("999999", 300)] {
        let busy =
            move || async move { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", asked)]) };
        let url = serve(Router::new().fallback(busy)).await;
        let link = HttpLink::new(&served.config(&url)).unwrap();
        match link.report(empty_report()).await.unwrap_err() {
            LinkError::Busy { retry_after, .. } => assert_eq!(retry_after.as_secs(), given),
            other => panic!("{other}"),
        }
    }
}

/// Until the test's runtime ends.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

#[tokio::test]
async fn a_new_key_is_in_force_and_the_running_agent_goes_on() {
    let served = Served::start().await;
    let (running, command) = (served.link(), served.link());
    let old = *running.identity().key.public();
    command.rotate(SystemClock.now()).await.unwrap();
    assert_ne!(*served.front.known.lock().unwrap(), old);
    running.report(empty_report()).await.unwrap();
    assert_eq!(
        running.identity().key.public(),
        command.identity().key.public()
    );
}

#[tokio::test]
async fn a_rotation_that_the_agent_was_killed_in_is_finished_wherever_it_stopped() {
    for told in [false, true] {
        let served = Served::start().await;
        let present = Identity::load(&served.data()).unwrap();
        let next = Identity {
            key: KeyPair::generate(),
            ..present
        };
        next.store_next(&served.data()).unwrap();
        if told {
            // The broker knows the new one, and the old one counts no more.
            *served.front.known.lock().unwrap() = *next.key.public();
        }
        let link = served.link();
        assert!(link.finish_rotation().await.unwrap());
        assert_eq!(link.identity().key.public(), next.key.public());
        assert!(!link.finish_rotation().await.unwrap());
        link.report(empty_report()).await.unwrap();
    }
}

/// The old key counts for ten minutes; a report waits for a rotation that is under way.
async fn is_let_in_within_eleven_minutes(link: &HttpLink) {
    for _ in 0..11 {
        if link.report(empty_report()).await.is_ok() {
            return;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
    }
    panic!("locked out");
}

#[tokio::test]
async fn a_rotation_whose_answer_is_lost_is_finished_before_the_old_key_counts_no_more() {
    let served = Served::start().await;
    served.front.loses_rotation.store(true, Ordering::SeqCst);
    let link = served.link();
    let locked_out = async {
        while served.front.loses_rotation.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        // Waits for the end of the rotation, too.
        let error = link.report(empty_report()).await.unwrap_err();
        assert!(matches!(error, LinkError::Unauthorized(_)), "{error}");
        is_let_in_within_eleven_minutes(&link).await;
    };
    tokio::select! {
        () = keep_key_fresh(&link, 30, CancellationToken::new()) => panic!("nobody stopped it"),
        () = locked_out => {}
    }
}

#[tokio::test]
async fn a_rotation_that_was_begun_beside_a_running_agent_is_finished_by_it() {
    let served = Served::start().await;
    let link = served.link();
    let begun_beside = async {
        link.report(empty_report()).await.unwrap();
        let next = Identity {
            key: KeyPair::generate(),
            ..Identity::load(&served.data()).unwrap()
        };
        next.store_next(&served.data()).unwrap();
        *served.front.known.lock().unwrap() = *next.key.public();
        is_let_in_within_eleven_minutes(&link).await;
    };
    tokio::select! {
        () = keep_key_fresh(&link, 0, CancellationToken::new()) => panic!("nobody stopped it"),
        () = begun_beside => {}
    }
}

#[tokio::test]
async fn a_broker_that_is_down_is_unreachable_and_the_key_is_in_no_message() {
    let served = Served::start().await;
    let link = HttpLink::new(&served.config("http://127.0.0.1:9")).unwrap();
    let request = LeaseRequest {
        agent: Ids::from_os().next(&SystemClock),
        instance: None,
        site: "meluxina".parse().unwrap(),
        scheduler: None,
        systems: Vec::new(),
        only_sent: false,
        want: 1,
        wait_seconds: 0,
        working_on: Vec::new(),
    };
    let error = link.lease(request).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
    let identity = link.identity();
    let said = format!("{error} {link:?} {identity:?}");
    assert!(!said.contains(&identity.key.secret()));
}

#[tokio::test]
async fn nothing_travels_in_the_clear() {
    let served = Served::start().await;
    for bad in [
        "http://broker.example.org",
        "http://10.0.0.1:8080",
        "ftp://localhost",
    ] {
        let error = HttpLink::new(&served.config(bad)).unwrap_err();
        assert!(
            matches!(error, HttpLinkError::Insecure(_)),
            "{bad}: {error}"
        );
    }
}

#[tokio::test]
async fn a_broker_with_a_certificate_of_the_sites_own_authority_is_trusted_by_its_file() {
    let served = Served::start().await;
    let (url, ca_file) = served.secured().await;
    let mut config = served.config(&url);
    let stranger = HttpLink::new(&config).unwrap();
    let error = stranger.report(empty_report()).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable(_)), "{error}");
    config.ca_file = Some(ca_file);
    let link = HttpLink::new(&config).unwrap();
    link.report(empty_report()).await.unwrap();
}
