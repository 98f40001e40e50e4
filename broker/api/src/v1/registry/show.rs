use axum::Json;
use axum::extract::State;
use broker_client::wire::{ControlsView, LimitView, WindowView};
use broker_model::SiteId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::Id;

/// All that is set at a site, for its administrators.
pub(crate) async fn controls(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
) -> Result<Json<ControlsView>, Problem> {
    let set = state.broker.controls(&authenticated.caller, &id).await?;
    let window = |it: broker_app::WindowView| WindowView {
        window: it.window,
        used: it.uses.used,
        held: it.uses.held,
    };
    Ok(Json(ControlsView {
        site: id,
        windows: set.windows.into_iter().map(window).collect(),
        drains: set.drains,
        incidents: set.incidents,
        vetoes: set.vetoes,
        organisation_vetoes: set.organisation_vetoes,
        limits: { set.limits.into_iter() }
            .map(|(limit, uses)| LimitView { limit, uses })
            .collect(),
    }))
}
