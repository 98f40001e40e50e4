use axum::Json;
use axum::extract::State;
use broker_app::SiteView;
use broker_client::wire::Page;
use broker_model::SiteId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, page};

pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Authenticated,
) -> Json<Page<SiteView>> {
    Json(page(state.broker.sites(), None::<String>))
}

pub(crate) async fn show(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
) -> Result<Json<SiteView>, Problem> {
    Ok(Json(state.broker.site(&id)?))
}
