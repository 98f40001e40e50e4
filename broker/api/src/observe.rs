//! What operators learn of every request: its id, its time, and one line of log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::metrics::Metrics;
use crate::request_id;

/// Counts, times and logs every request of a router, and gives each its id. [`router`](crate::router)
/// is observed already; this is for what is served beside it.
pub fn observed(router: Router, metrics: Arc<Metrics>) -> Router {
    router
        .layer(middleware::from_fn_with_state(metrics, measure))
        .layer(middleware::from_fn(request_id::layer))
}

async fn measure(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let response = next.run(request).await;
    let took = begun.elapsed();
    metrics.request(&route, &method, response.status().as_u16(), took);
    tell(&route, &method, response.status(), took);
    response
}

/// Writes are told at `info` and refusals too, what the broker could not do at `warn`; reads that were
/// answered are for whoever asks for `debug`. The route has no ids and no query: a code of a sign-in
/// travels there.
fn tell(route: &str, method: &Method, status: StatusCode, took: Duration) {
    let id = request_id::current().unwrap_or_default();
    let (method, status) = (method.as_str(), status.as_u16());
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let reads = matches!(method, "GET" | "HEAD" | "OPTIONS");
    match status {
        500.. => tracing::warn!(
            request.id = id,
            method,
            route,
            status,
            duration_ms,
            "answered"
        ),
        ..400 if reads => {
            tracing::debug!(
                request.id = id,
                method,
                route,
                status,
                duration_ms,
                "answered"
            );
        }
        _ => tracing::info!(
            request.id = id,
            method,
            route,
            status,
            duration_ms,
            "answered"
        ),
    }
}
