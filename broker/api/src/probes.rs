//! What operators and their machinery ask: alive, ready, and the numbers. Open to whoever reaches the
//! port; none of it names a person, a project or a job.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::operation::{Operation, get};
use crate::state::ApiState;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/healthz", healthz),
        get("/readyz", readyz),
        get("/metrics", metrics),
    ]
}

async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready is who can commit: a full disk, a lost database or the end of the process turns requests away
/// before they come.
async fn readyz(State(state): State<ApiState>) -> Response {
    if state.broker.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    match state.broker.store().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database is not available\n",
            )
                .into_response()
        }
    }
}

async fn metrics(State(state): State<ApiState>) -> Response {
    let text = state.metrics.text(&state.broker).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
