//! What the client makes of a bad link between it and the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use broker_model::OutcomeKind;
use clap::Parser as _;
use futures::{StreamExt as _, stream};

use crate::stage::{JOB, Stage};

/// The broker's answer is lost on the way, this many times.
fn losing(
    times: usize,
    method: &'static str,
    how: fn(Response) -> Response,
) -> (Arc<AtomicUsize>, impl FnOnce(Router) -> Router) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let wrap = move |router: Router| {
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let count = count.clone();
            async move {
                let path = request.uri().path();
                let watched = request.method() == method
                    && (path == "/api/v1/jobs" || path.ends_with("/logs"));
                let response = next.run(request).await;
                if watched && count.fetch_add(1, Ordering::SeqCst) < times {
                    how(response)
                } else {
                    response
                }
            }
        }))
    };
    (asked, wrap)
}

/// As a proxy does that lost the broker behind it.
fn bad_gateway(_: Response) -> Response {
    (StatusCode::BAD_GATEWAY, "<html>Bad Gateway</html>").into_response()
}

/// The head comes, and then one piece of the body, and then nothing.
fn cut(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let broken = stream::once(async { Err(std::io::Error::other("cut")) });
    let pieces = body
        .into_data_stream()
        .map(|piece| piece.map_err(std::io::Error::other));
    Response::from_parts(parts, Body::from_stream(pieces.take(1).chain(broken)))
}

#[tokio::test]
async fn a_submission_whose_answer_was_lost_is_sent_again_and_makes_one_job() {
    for how in [bad_gateway as fn(Response) -> Response, cut] {
        let (asked, wrap) = losing(2, "POST", how);
        let stage = Stage::open_behind(wrap).await;
        stage.sign_in("ada").await;
        stage.submitted("ada").await;
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        let jobs = stage.json("ada", &["jobs"]).await;
        assert_eq!(jobs["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_submission_that_stays_unclear_names_the_key_to_ask_again_with() {
    let (_, wrap) = losing(5, "POST", bad_gateway);
    let stage = Stage::open_behind(wrap).await;
    stage.sign_in("ada").await;
    let file = stage.file("job.toml", JOB);
    let ran = stage.run("ada", &["submit", &file]).await;
    assert_eq!(ran.code, 1);
    let key = ran
        .error
        .split("--key ")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    let job = stage.json("ada", &["submit", &file, "--key", key]).await;
    let jobs = stage.json("ada", &["jobs"]).await;
    assert_eq!(jobs["items"].as_array().unwrap().len(), 1);
    assert_eq!(jobs["items"][0]["id"], job["id"]);
}

#[tokio::test]
async fn a_key_of_one_s_own_makes_one_job_and_refuses_another_file() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let file = stage.file("job.toml", JOB);
    let first = stage
        .json("ada", &["submit", &file, "--key", "night-7"])
        .await;
    assert_eq!(
        stage
            .json("ada", &["submit", &file, "--key", "night-7"])
            .await,
        first
    );
    let other = stage.file("other.toml", &JOB.replace("train", "other"));
    let ran = stage
        .run("ada", &["submit", &other, "--key", "night-7"])
        .await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.error
            .contains("this idempotency key was used for another request"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn a_followed_log_that_breaks_goes_on_where_it_was() {
    let (asked, wrap) = losing(3, "GET", cut);
    let stage = Stage::open_behind(wrap).await;
    stage.sign_in("ada").await;
    let id = stage.submitted("ada").await;
    let attempt = stage.started().await;
    let text = "line\n".repeat(60_000);
    for (at, chunk) in text.as_bytes().chunks(100_000).enumerate() {
        stage.wrote(attempt, at * 100_000, chunk).await;
    }
    stage.ended(attempt, OutcomeKind::Completed).await;
    let ran = stage.run("ada", &["logs", "-f", &id]).await;
    assert_eq!(ran.code, 0, "{}", ran.error);
    assert!(ran.out == text, "{} of {} bytes", ran.out.len(), text.len());
    assert!(asked.load(Ordering::SeqCst) > 3, "it did break");
}

/// As a broker that is about to end, or a proxy that lets no stream live.
#[tokio::test]
async fn a_wait_whose_streams_end_at_once_asks_no_more_than_once_a_second() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let no_stream = move |request: Request, next: Next| {
        let count = count.clone();
        async move {
            let is_stream = request.uri().path().ends_with("/events");
            let response = next.run(request).await;
            if is_stream {
                count.fetch_add(1, Ordering::SeqCst);
                return Response::from_parts(response.into_parts().0, Body::empty());
            }
            response
        }
    };
    let stage = Stage::open_behind(|router| router.layer(middleware::from_fn(no_stream))).await;
    stage.sign_in("ada").await;
    let file = stage.file("job.toml", JOB);
    let begun = std::time::Instant::now();
    let words = ["submit", "--wait", "--json", &*file];
    let meanwhile = async {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(20));
        while asked.load(Ordering::SeqCst) < 2 {
            look.tick().await;
        }
        let attempt = stage.started().await;
        stage.ended(attempt, OutcomeKind::Completed).await;
    };
    let (ran, ()) = tokio::join!(stage.run("ada", &words), meanwhile);
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = asked.load(Ordering::SeqCst) as u64;
    assert!(asked <= begun.elapsed().as_secs() + 1, "{asked}");
}

#[tokio::test]
async fn a_token_that_ends_while_a_log_is_followed_is_refreshed_on_the_way() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let id = stage.submitted("ada").await;
    let attempt = stage.started().await;
    stage.wrote(attempt, 0, b"before\n").await;
    let words = ["logs", "-f", &*id];
    let follow = stage.run("ada", &words);
    let meanwhile = async {
        stage.world.outlive_tokens().await;
        stage.wrote(attempt, 7, b"after\n").await;
        // The follower is told that its token has ended within a second, and comes back.
        let mut look = tokio::time::interval(std::time::Duration::from_millis(20));
        let login = stage.home("ada").join(format!(
            "login-127.0.0.1-{}.json",
            stage.url.port().unwrap()
        ));
        let kept = std::fs::read_to_string(&login).unwrap();
        for _ in 0..500 {
            if std::fs::read_to_string(&login).unwrap() != kept {
                break;
            }
            look.tick().await;
        }
        stage.wrote(attempt, 13, b"end\n").await;
        stage.ended(attempt, OutcomeKind::Completed).await;
    };
    let (ran, ()) = tokio::join!(follow, meanwhile);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "before\nafter\nend\n"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn a_broker_that_is_away_is_exit_code_4() {
    let stage = Stage::open().await;
    stage.sign_in("ada").await;
    let id = stage.submitted("ada").await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let home = stage.home("ada");
    let port = url.rsplit(':').next().unwrap();
    let from = format!("login-127.0.0.1-{}.json", stage.url.port().unwrap());
    std::fs::copy(
        home.join(from),
        home.join(format!("login-127.0.0.1-{port}.json")),
    )
    .unwrap();
    let words = [
        "alcyone",
        "--broker",
        &url,
        "--home",
        home.to_str().unwrap(),
        "show",
        &id,
    ];
    let cli = broker_cli::Cli::try_parse_from(words).unwrap();
    let error = broker_cli::run(cli, &mut Vec::new()).await.unwrap_err();
    assert_eq!(broker_cli::exit_code(&error), 4);
    let words = error.to_string();
    assert!(
        words.starts_with(&format!("the broker cannot be reached at {url}")),
        "{words}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_the_broker_s_is_told_apart() {
    let (_, wrap) = losing(usize::MAX, "POST", |_| {
        (StatusCode::OK, "<html>Welcome</html>").into_response()
    });
    let stage = Stage::open_behind(wrap).await;
    stage.sign_in("ada").await;
    let file = stage.file("job.toml", JOB);
    let ran = stage.run("ada", &["submit", &file]).await;
    assert_eq!(ran.code, 1);
    assert!(
        ran.error
            .contains("the answer of /api/v1/jobs was not understood"),
        "{}",
        ran.error
    );
}
