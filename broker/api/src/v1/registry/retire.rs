use axum::Json;
use axum::extract::State;
use broker_client::wire::{RemovedView, SetItem};
use broker_model::SiteId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Items};

/// Takes a site out of the federation that nothing refers to.
pub(crate) async fn site(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
) -> Result<Json<RemovedView>, Problem> {
    state.broker.retire_site(&authenticated.caller, &id).await?;
    let removed = id.to_string();
    Ok(Json(RemovedView { removed }))
}

/// Takes back one thing that is set at a site.
pub(crate) async fn control(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, SetItem(item)): Items<SiteId, SetItem>,
) -> Result<Json<RemovedView>, Problem> {
    let caller = &authenticated.caller;
    state.broker.remove_control(caller, &site, item).await?;
    let removed = item.to_string();
    Ok(Json(RemovedView { removed }))
}
