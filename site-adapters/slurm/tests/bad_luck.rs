//! What servers and networks do at the wrong moment, by a small server that does it on purpose.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker_model::{ManualClock, Resources, Walltime};
use jiff::Timestamp;
use serde_json::{Value, json};
use site_adapter::{ErrorKind, LocalAccount, SiteAdapter as _, Submission, Work};
use site_adapter_slurm::{SlurmAdapter, SlurmSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

/// A slurmrestd of v0.0.42 whose answer to a submission is the test's.
async fn server(submit: impl Fn() -> Response + Clone + Send + Sync + 'static) -> String {
    let app = Router::new().fallback(move |request: Request| {
        let submit = submit.clone();
        async move {
            let path = request.uri().path().to_owned();
            match (request.method(), path.as_str()) {
                (&Method::POST, "/slurm/v0.0.42/job/submit") => submit(),
                (&Method::DELETE, "/slurm/v0.0.42/job/7") => answer(200, &json!({"errors": []})),
                (_, "/slurm/v0.0.42/job/7") => job_seven("CANCELLED"),
                (_, "/slurm/v0.0.42/ping") => answer(200, &json!({"pings": []})),
                _ => (StatusCode::NOT_FOUND, "Unable to find requested URL").into_response(),
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn answer(status: u16, body: &Value) -> Response {
    let head = [(header::CONTENT_TYPE, "application/json")];
    (
        StatusCode::from_u16(status).unwrap(),
        head,
        body.to_string(),
    )
        .into_response()
}

fn job_seven(state: &str) -> Response {
    answer(
        200,
        &json!({"errors": [], "jobs": [{"job_id": 7, "name": MARKER, "job_state": [state],
            "submit_time": {"set": true, "infinite": false, "number": 1_795_173_809}}]}),
    )
}

fn adapter(url: &str) -> (SlurmAdapter, tempfile::NamedTempFile) {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), [7u8; 32]).unwrap();
    let settings: SlurmSettings = serde_json::from_value(json!({
        "url": url, "system": "s", "reader": "bob", "work_dir": "/home/{user}",
        "partitions": {"main": {}}, "timeout_seconds": 26, "settle_seconds": 41,
        "token": {"kind": "signed", "key_file": key.path()},
    }))
    .unwrap();
    let clock = ManualClock::at(Timestamp::from_second(1_795_173_800).unwrap());
    (SlurmAdapter::new(settings, Arc::new(clock)).unwrap(), key)
}

fn submission() -> Submission {
    Submission {
        attempt: MARKER.parse().unwrap(),
        account: LocalAccount {
            user: "alice".to_owned(),
            account: None,
            qos: None,
        },
        work: Work {
            after: Vec::new(),
            array: None,
            restartable: false,
            name: "job".to_owned(),
            resources: Resources {
                nodes: 1,
                gpus_per_node: 0,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(60).unwrap(),
            },
            image: None,
            script: "true".to_owned(),
            partition: broker_model::PartitionRef {
                site: "s".parse().unwrap(),
                system: "s".parse().unwrap(),
                partition: "main".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 1,
            exclusive: false,
        },
        may_exist: false,
    }
}

async fn refusal(submit: impl Fn() -> Response + Clone + Send + Sync + 'static) -> ErrorKind {
    let (adapter, _key) = adapter(&server(submit).await);
    adapter.submit(&submission()).await.unwrap_err().kind
}

#[tokio::test]
async fn answers_that_prove_nothing_are_unclear() {
    for status in [500, 502, 503, 504] {
        let kind = refusal(move || answer(status, &json!({"errors": []}))).await;
        assert_eq!(kind, ErrorKind::Unclear, "{status}");
    }
    assert_eq!(
        refusal(|| answer(200, &json!({"errors": [], "warnings": []}))).await,
        ErrorKind::Unclear,
        "200 without a job id"
    );
    let page = || (StatusCode::BAD_GATEWAY, "<html>proxy</html>").into_response();
    assert_eq!(refusal(page).await, ErrorKind::Unclear);
    let half = || {
        let head = [(header::CONTENT_TYPE, "application/json")];
        (head, r#"{"job_id": 7, "err"#).into_response()
    };
    assert_eq!(refusal(half).await, ErrorKind::Unclear, "half a body");
}

#[tokio::test]
async fn answers_that_say_no_are_what_they_say() {
    for (number, kind) in [
        (2000, ErrorKind::Refused),
        (1800, ErrorKind::Unavailable),
        (1007, ErrorKind::Unauthorized),
        (5004, ErrorKind::Unclear),
    ] {
        let errors = json!({"errors": [{"error_number": number, "error": "x"}]});
        assert_eq!(
            refusal(move || answer(500, &errors)).await,
            kind,
            "{number}"
        );
    }
    assert_eq!(
        refusal(|| answer(511, &json!({"errors": []}))).await,
        ErrorKind::Unauthorized
    );
    let text = || (StatusCode::UNAUTHORIZED, "Authentication failure").into_response();
    assert_eq!(refusal(text).await, ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_job_without_a_field_of_ours_is_withdrawn_and_refused() {
    let submit = || {
        answer(
            200,
            &json!({"job_id": 7, "errors": [], "warnings": [
                {"description": "Ignoring unknown field \"tres_per_node\"", "source": "#/job/tres_per_node/"}]}),
        )
    };
    let (adapter, _key) = adapter(&server(submit).await);
    let error = adapter.submit(&submission()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("tres_per_node"), "{error}");
    assert!(error.message.contains("withdrawn"), "{error}");
}

#[tokio::test]
async fn a_job_that_is_made_is_told_with_slurms_own_submit_time() {
    let (adapter, _key) =
        adapter(&server(|| answer(200, &json!({"job_id": 7, "errors": []}))).await);
    let submitted = adapter.submit(&submission()).await.unwrap();
    assert_eq!(submitted.remote_id.0, "7");
    assert_eq!(submitted.submitted_at.as_second(), 1_795_173_809);
    assert_eq!(adapter.api_version().await.unwrap().to_string(), "v0.0.42");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (adapter, _key) = adapter(&url);
    let error = adapter.submit(&submission()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.contains("is it up"), "{error}");
}

/// Answers the ping, and a submission with what is given and the connection's end.
async fn hang_up_on_submissions(listener: TcpListener, said: &str) {
    let pong = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        head.truncate(read);
        let is_ping = head.starts_with(b"GET");
        let answer = if is_ping { pong } else { said };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The server may have acted on the request.
#[tokio::test]
async fn a_connection_that_is_cut_after_the_request_is_unclear() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"job",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(hang_up_on_submissions(listener, said));
        let (adapter, _key) = adapter(&url);
        let error = adapter.submit(&submission()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unclear, "{said:?} {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_a_submission_is_unclear() {
    let app = Router::new().fallback(|request: Request<Body>| async move {
        if request.method() == Method::POST {
            std::future::pending::<()>().await;
        }
        answer(200, &json!({}))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let (adapter, _key) = adapter(&url);
    let before = std::time::Instant::now();
    let error = adapter.submit(&submission()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unclear, "{error:?}");
    assert!(before.elapsed() >= Duration::from_secs(26));
}

#[tokio::test]
async fn after_an_upgrade_of_slurm_the_version_is_asked_for_anew() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = Router::new().fallback(move |request: Request| {
        let counted = Arc::clone(&counted);
        async move {
            let path = request.uri().path().to_owned();
            // The first two answers are v0.0.42's, later ones v0.0.44's alone.
            let version = if counted.load(Ordering::SeqCst) < 2 {
                "v0.0.42"
            } else {
                "v0.0.44"
            };
            if !path.contains(version) {
                return (StatusCode::NOT_FOUND, "no such path").into_response();
            }
            counted.fetch_add(1, Ordering::SeqCst);
            answer(
                200,
                &json!({"nodes": [], "partitions": [], "jobs": [], "pings": [],
                "statistics": {"jobs_pending": 0, "jobs_running": 0, "dbd_agent_queue_size": 0}}),
            )
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let (adapter, _key) = adapter(&url);
    assert_eq!(adapter.api_version().await.unwrap().to_string(), "v0.0.42");
    adapter.snapshot().await.unwrap();
    assert_eq!(adapter.api_version().await.unwrap().to_string(), "v0.0.44");
}

#[tokio::test]
async fn what_could_not_be_asked_without_a_token_is_not_called_well() {
    let (adapter, key) = adapter("http://127.0.0.1:9");
    drop(key);
    let probes = adapter.probe().await;
    assert_eq!(probes.len(), 3);
    for probe in probes {
        let problem = probe.problem.unwrap();
        let says = match probe.subsystem.as_str() {
            "token" => problem.contains("cannot use the key file"),
            _ => problem == "not asked: there is no token to ask with",
        };
        assert!(says, "{}: {problem}", probe.subsystem);
    }
}
