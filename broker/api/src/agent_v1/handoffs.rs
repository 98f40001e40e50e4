//! Jobs that a person carries to the agent's site: what that person asks and tells through the agent.

use axum::Json;
use axum::extract::State;
use site_adapter::{
    HandoffReportReply, HandoffReportRequest, HandoffScriptReply, HandoffScriptRequest,
    HandoffsReply, HandoffsRequest,
};

use super::message::{FromAgent, checked_user};
use crate::problem::Problem;
use crate::state::ApiState;

/// Lists what is carried to the agent's site and not settled.
pub(super) async fn list(
    State(state): State<ApiState>,
    message: FromAgent<HandoffsRequest>,
) -> Result<Json<HandoffsReply>, Problem> {
    let request = message.value;
    let site = &request.site;
    let carried = state.broker.handoffs_at(site, request.after).await?;
    Ok(Json(HandoffsReply { carried }))
}

/// Gives the batch script; the first time it does, only the site's word moves the job from then on.
pub(super) async fn script(
    State(state): State<ApiState>,
    message: FromAgent<HandoffScriptRequest>,
) -> Result<Json<HandoffScriptReply>, Problem> {
    let request = message.value;
    let by = (request.agent, checked_user(&request.local_user)?);
    let fetched = state.broker.handoff_at(by, &request.site, request.job);
    let fetched = { fetched.await }.map_err(|error| Problem::from(error).naming(&request.job))?;
    Ok(Json(HandoffScriptReply {
        file_name: fetched.file_name,
        text: fetched.text,
    }))
}

/// Takes what the site tells of one.
pub(super) async fn report(
    State(state): State<ApiState>,
    message: FromAgent<HandoffReportRequest>,
) -> Result<Json<HandoffReportReply>, Problem> {
    let request = message.value;
    let by = (request.agent, checked_user(&request.local_user)?);
    let job = state
        .broker
        .report_handoff_at(by, &request.site, request.job, &request.report)
        .await
        .map_err(|error| Problem::from(error).naming(&request.job))?;
    Ok(Json(HandoffReportReply {
        state: job.state.name(),
    }))
}
