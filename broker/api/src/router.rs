use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::Problem;
use crate::state::ApiState;
use crate::{agent_v1, request_id, v1};

/// A job file is at most 256 KiB of script; agents' reports carry logs and may be larger.
const BODY_LIMIT: usize = 1024 * 1024;
const REPORT_LIMIT: usize = 16 * 1024 * 1024;

/// Everything the broker answers over HTTP but the portal.
pub fn router(state: ApiState) -> Router {
    let api = v1::routes().layer(DefaultBodyLimit::max(BODY_LIMIT));
    let agents = agent_v1::routes().layer(DefaultBodyLimit::max(REPORT_LIMIT));
    Router::new()
        .nest("/api/v1", api)
        .nest("/agent/v1", agents)
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), measure))
        .layer(middleware::from_fn(request_id::layer))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here; it is logged")
                .into_response()
        }))
        .with_state(state)
}

/// Answers for any path that nothing else answers.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this path has other methods")
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(state): State<ApiState>) -> Response {
    match state.broker.store().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database is not available\n").into_response()
        }
    }
}

async fn metrics(State(state): State<ApiState>) -> Response {
    let text = state.metrics.text(&state.broker).await;
    ([("content-type", "text/plain; version=0.0.4")], text).into_response()
}

async fn measure(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let response = next.run(request).await;
    state.metrics.request(&route, method.as_str(), response.status().as_u16(), begun.elapsed());
    response
}
