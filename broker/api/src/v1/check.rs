use axum::Json;
use axum::extract::State;
use broker_client::wire::{CheckRequest, CheckView};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::{decision, language};

/// Answers 200 whatever the decision is: a "no" with its reasons is the answer, not a failure.
pub(crate) async fn check(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<CheckRequest>,
) -> Result<Json<CheckView>, Problem> {
    let answer = state
        .broker
        .check(&authenticated.caller, body.value.project)
        .await
        .map_err(|error| Problem::from(error).naming(&body.value.project))?;
    let written = answer.decision;
    let said = match &answer.question {
        Some(question) => language::said(question, &written),
        None => written.clone(),
    };
    Ok(Json(CheckView {
        project: answer.project,
        organisation: answer.organisation,
        allocation: answer.allocation,
        missing: language::missing_in_words(answer.missing, (&written, &said)),
        closed_systems: language::missing_in_words(answer.closed_systems, (&written, &said)),
        decision: decision::view(said),
    }))
}
