use axum::Json;
use axum::extract::State;
use broker_app::ModeToday;
use broker_client::wire::Page;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, Whole};

/// Every access mode as it is today, with the source of each value.
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<ModeToday>>, Problem> {
    let modes = state.broker.access_modes();
    Ok(Json(query.page(modes, |it| it.mode.id.clone())?))
}
