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
        .route("/healthz", get(health).with_state(agent.clone()))
        .route("/metrics", get(metrics).with_state((agent, registry)));
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// Healthy means that the broker has answered lately (a lease request ends within its wait) and that
/// no loop has stopped moving. What is wrong beside that is told and does not make the agent
/// unhealthy: starting it anew would not mend it.
async fn health(Shared(agent): Shared<Arc<Agent>>) -> (StatusCode, Json<Value>) {
    let heard = agent.broker_heard_at();
    let patience = SignedDuration::try_from(agent.config().lease_wait * 3)
        .unwrap_or(SignedDuration::MAX)
        .saturating_add(SignedDuration::from_secs(30));
    let is_heard = heard.is_some_and(|at| agent.age_of(at) <= patience);
    let (loops, all_move) = loops(&agent);
    let healthy = is_heard && all_move;
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let spool = agent.spool_size().map(|size| {
        json!({"attempts": size.records, "bytes": size.bytes, "writable": !agent.spool_fails()})
    });
    let body = json!({
        "healthy": healthy,
        "broker_heard_at": heard.map(|at| at.to_string()),
        "attempts": agent.working(),
        "events_pending": agent.events_pending(),
        "loops": loops,
        "spool": spool,
        "problems": agent.problems(),
    });
    (status, Json(body))
}

/// Each loop's last turns, and whether all of them move.
fn loops(agent: &Agent) -> (Value, bool) {
    let now = agent.time();
    let mut loops = serde_json::Map::new();
    let mut all_move = true;
    for (turn, beat) in agent.pulses().all() {
        let stuck = beat.is_stuck(turn, agent.config(), now);
        all_move &= !stuck;
        let told = json!({
            "last_try": beat.last_try.map(|at| at.to_string()),
            "last_success": beat.last_success.map(|at| at.to_string()),
            "idle": beat.idle,
            "stuck": stuck,
        });
        loops.insert(turn.as_str().to_owned(), told);
    }
    (loops.into(), all_move)
}

async fn metrics(
    Shared((agent, registry)): Shared<(Arc<Agent>, Registry)>,
) -> Result<String, StatusCode> {
    let now = agent.time();
    for (turn, beat) in agent.pulses().all() {
        agent.metrics().beat(turn, &beat, now);
    }
    TextEncoder::new()
        .encode_to_string(&registry.gather())
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
