use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use jiff::SignedDuration;
use prometheus::{Registry, TextEncoder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Agent;

/// Serves `/healthz` and `/metrics` until the token is cancelled. Both are open to whoever reaches
/// the listener, so it belongs on loopback.
pub async fn serve_status(
    listener: TcpListener,
    agent: Arc<Agent>,
    registry: Registry,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(health).with_state(agent))
        .route("/metrics", get(metrics).with_state(registry));
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// Healthy means that the broker has answered lately: a lease request ends within its wait.
async fn health(Shared(agent): Shared<Arc<Agent>>) -> (StatusCode, Json<Value>) {
    let heard = agent.broker_heard_at();
    let patience = SignedDuration::try_from(agent.config().lease_wait * 3)
        .unwrap_or(SignedDuration::MAX)
        .saturating_add(SignedDuration::from_secs(30));
    let healthy = heard.is_some_and(|at| agent.age_of(at) <= patience);
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "healthy": healthy,
        "broker_heard_at": heard.map(|at| at.to_string()),
        "attempts": agent.working(),
    });
    (status, Json(body))
}

async fn metrics(Shared(registry): Shared<Registry>) -> Result<String, StatusCode> {
    TextEncoder::new()
        .encode_to_string(&registry.gather())
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
