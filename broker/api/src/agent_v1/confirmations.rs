//! What an agent asks and says in the name of a person of its site.

use axum::Json;
use axum::extract::State;
use broker_app::Answer;
use site_adapter::{ConfirmReply, ConfirmRequest, ConfirmationsReply, ConfirmationsRequest};

use super::message::{FromAgent, checked_user};
use crate::problem::Problem;
use crate::state::ApiState;

/// Lists what waits for the agent's site.
pub(super) async fn list(
    State(state): State<ApiState>,
    message: FromAgent<ConfirmationsRequest>,
) -> Result<Json<ConfirmationsReply>, Problem> {
    let request = message.value;
    let site = &request.site;
    let waiting = state.broker.confirmations_at(site, request.after).await?;
    Ok(Json(ConfirmationsReply { waiting }))
}

/// Confirms or declines a job.
pub(super) async fn answer(
    State(state): State<ApiState>,
    message: FromAgent<ConfirmRequest>,
) -> Result<Json<ConfirmReply>, Problem> {
    let request = message.value;
    let answer = match request.decline {
        Some(reason) => Answer::Decline { reason },
        None => Answer::Confirm,
    };
    let by = (request.agent, checked_user(&request.local_user)?);
    let job = state
        .broker
        .answer_confirmation_at(by, &request.site, request.job, answer)
        .await
        .map_err(|error| Problem::from(error).naming(&request.job))?;
    Ok(Json(ConfirmReply {
        state: job.state.name(),
    }))
}
