use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use broker_client::wire::JobView;
use broker_model::JobId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::Id;

/// Asks for a job to be stopped: 202, since the site has to confirm for one that it has.
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let job = state.broker.cancel(&authenticated.caller, id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::from(&job))))
}
