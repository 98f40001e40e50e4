use axum::Json;
use axum::extract::State;
use broker_app::DecisionReplay;
use broker_model::DecisionId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::Id;

/// Makes a stored decision again from its stored question, and says whether it is the same byte for byte.
pub(crate) async fn replay(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<DecisionId>,
) -> Result<Json<DecisionReplay>, Problem> {
    let replayed = state.broker.replay_decision(&authenticated.caller, id);
    Ok(Json(replayed.await?))
}
