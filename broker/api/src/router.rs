use std::any::Any;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::observe::observed;
use crate::operation::routed;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::within::within;
use crate::{agent_v1, language, probes, v1};

/// A job file is at most 256 KiB of script; agents' reports carry logs and may be larger.
const BODY_LIMIT: usize = 1024 * 1024;
const REPORT_LIMIT: usize = 16 * 1024 * 1024;
/// From the head of a request to the head of its answer, its body between them.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// An agent may wait a minute for work.
const AGENT_TIME: Duration = Duration::from_secs(90);

/// Everything the broker answers over HTTP but the portal.
///
/// A handler that panics is answered with 500 inside the layers that count and name requests, so the
/// answer carries its request id and the metrics see it.
pub fn router(state: ApiState) -> Router {
    let api = routed(v1::operations()).fallback(no_such_path);
    let agents = routed(agent_v1::operations()).fallback(no_such_path);
    let metrics = state.metrics.clone();
    let api = api.layer(DefaultBodyLimit::max(BODY_LIMIT));
    let api = api.layer(middleware::from_fn_with_state(
        state.clone(),
        language::layer,
    ));
    let agents = agents.layer(DefaultBodyLimit::max(REPORT_LIMIT));
    let router = routed(probes::operations())
        .nest(v1::BASE, within(api, REQUEST_TIME))
        .nest(
            agent_v1::BASE,
            agent_v1::signed(within(agents, AGENT_TIME), &state),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Answers are for one caller; an entity tag is asked about before it is used again.
        .layer(header(CACHE_CONTROL, "private, no-cache"))
        .with_state(state);
    observed(router, metrics)
}

fn header(
    name: axum::http::HeaderName,
    value: &'static str,
) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn no_such_path() -> Problem {
    Problem::not_found("there is no such path; `GET /api/v1/openapi.json` lists them")
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this path has other methods; `Allow` names them",
    )
}

/// What the panic said stays out of the log: it may quote a request.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::broken().into_response()
}
