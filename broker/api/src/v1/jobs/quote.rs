use axum::Json;
use axum::extract::State;
use broker_client::wire::QuoteView;
use broker_model::JobSpec;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::{decision, language};

/// Says what would happen to a job now, and stores nothing.
pub(crate) async fn quote(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<JobSpec>,
) -> Result<Json<QuoteView>, Problem> {
    let quote = state
        .broker
        .quote(&authenticated.caller, &body.value)
        .await
        .map_err(|error| Problem::from(error).naming(&body.value.project))?;
    let said = match &quote.question {
        Some(question) => language::said(question, &quote.eligibility),
        None => quote.eligibility,
    };
    Ok(Json(QuoteView {
        allocation: quote.allocation,
        eligibility: decision::view(said),
        placement: quote.placement,
        missing: quote.missing,
    }))
}
