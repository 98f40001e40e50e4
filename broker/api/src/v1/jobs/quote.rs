use axum::Json;
use axum::extract::State;
use broker_client::wire::QuoteView;
use broker_model::JobSpec;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;

/// Says what would happen to a job now, and stores nothing.
pub(crate) async fn quote(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<JobSpec>,
) -> Result<Json<QuoteView>, Problem> {
    let quote = state.broker.quote(&authenticated.caller, &body.value).await?;
    Ok(Json(QuoteView {
        allocation: quote.allocation,
        eligibility: serde_json::to_value(&quote.eligibility).unwrap_or_default(),
        placement: quote.placement,
    }))
}
