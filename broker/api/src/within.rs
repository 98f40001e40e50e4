use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::problem::Problem;

/// Gives each request of a router so long until its answer begins.
///
/// A client that sends its body drop by drop, or a database that hangs, holds nothing for ever. Streams
/// begin at once and then last as they like.
pub fn within<S: Clone + Send + Sync + 'static>(router: Router<S>, limit: Duration) -> Router<S> {
    router.layer(middleware::from_fn_with_state(limit, in_time))
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let answer = timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| timed_out().into_response())
}

fn timed_out() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "timed-out",
        "the request took too long; whether it was done is not known",
    )
    .retry_after(1)
    .remedy("send it again, a submission with the same Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_request_that_takes_too_long_is_a_problem_and_a_stream_is_none() {
        let router = Router::new()
            .route("/slow", get(std::future::pending::<()>))
            .route(
                "/stream",
                get(|| async {
                    Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>())
                }),
            );
        let router: Router = within(router, Duration::from_millis(20));
        let ask = |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request)
        };
        let slow = ask("/slow").await.unwrap();
        assert_eq!(slow.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(slow.headers()["content-type"], "application/problem+json");
        assert_eq!(ask("/stream").await.unwrap().status(), StatusCode::OK);
    }
}
