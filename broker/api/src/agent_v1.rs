//! What agents say. Every request is signed with the agent's key and every answer with the broker's
//! (decision 0010); an agent speaks for its own site only.

mod confirmations;
mod handoffs;
mod message;
mod signed;

use agent_link::{EnrolReply, EnrolRequest, RotateReply, RotateRequest};
use axum::Json;
use axum::extract::State;
use site_adapter::{LeaseReply, LeaseRequest, Report, ReportReply};

use crate::agent_v1::message::{FromAgent, FromInvited, counted};
use crate::operation::{Operation, post};
use crate::problem::Problem;
use crate::state::ApiState;

pub(crate) use signed::{as_sent, signed};

pub(crate) const BASE: &str = "/agent/v1";

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        post("/enrol", enrol),
        post("/rotate", rotate),
        post("/lease", lease),
        post("/report", report),
        post("/confirmations", confirmations::list),
        post("/confirmations/answer", confirmations::answer),
        post("/handoffs", handoffs::list),
        post("/handoffs/script", handoffs::script),
        post("/handoffs/report", handoffs::report),
    ]
}

/// Lets an agent in by its invite.
async fn enrol(
    State(state): State<ApiState>,
    message: FromInvited<EnrolRequest>,
) -> Result<Json<EnrolReply>, Problem> {
    let done = state.broker.enrol(message.invite, &message.value).await;
    done.map(Json).map_err(|error| counted(&state, error))
}

/// Puts a new key in the place of the one that signed.
async fn rotate(
    State(state): State<ApiState>,
    message: FromAgent<RotateRequest>,
) -> Result<Json<RotateReply>, Problem> {
    let done = state.broker.rotate_key(&message.agent, &message.value);
    done.await.map(Json).map_err(|error| counted(&state, error))
}

async fn lease(
    State(state): State<ApiState>,
    message: FromAgent<LeaseRequest>,
) -> Result<Json<LeaseReply>, Problem> {
    let FromAgent { agent, value } = message;
    // Work that is leased here now would be reported elsewhere soon; and an agent that is answered
    // without a wait would ask again at once.
    if state.broker.is_draining() {
        return Err(Problem::shutting_down());
    }
    let reply = state.broker.lease_as(&agent, &value).await;
    let reply = reply.map_err(|error| counted(&state, error))?;
    state
        .metrics
        .leased(agent.site.as_str(), reply.attempts.len());
    Ok(Json(reply))
}

async fn report(
    State(state): State<ApiState>,
    message: FromAgent<Report>,
) -> Result<Json<ReportReply>, Problem> {
    let FromAgent { agent, value } = message;
    let reply = state.broker.report(value).await?;
    state.metrics.reported(agent.site.as_str());
    Ok(Json(reply))
}
