use axum::Json;
use axum::extract::State;
use broker_app::{CentreQuery, Finance, Ranking, Sector, Service, SupportCentre};
use broker_client::wire::Page;
use serde::Serialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, Whole};

/// Every centre with what is known of it, and how surely.
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<SupportCentre>>, Problem> {
    let centres = state.broker.directory().centres().to_vec();
    Ok(Json(query.page(centres, |it| it.id.to_string())?))
}

/// The words of a need, and where money may come from.
#[derive(Debug, Serialize)]
pub(crate) struct Vocabulary {
    sectors: Vec<Sector>,
    services: Vec<Service>,
    finance: Vec<Finance>,
}

pub(crate) async fn vocabulary(
    State(state): State<ApiState>,
    _: Authenticated,
) -> Json<Vocabulary> {
    let directory = state.broker.directory();
    Json(Vocabulary {
        sectors: directory.sectors().to_vec(),
        services: directory.services().to_vec(),
        finance: directory.finance().to_vec(),
    })
}

/// Ranks the centres for a need, each with its reasons. Nothing is stored.
pub(crate) async fn find(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<CentreQuery>,
) -> Result<Json<Ranking>, Problem> {
    let ranking = state
        .broker
        .find_centres(&authenticated.caller, &body.value);
    Ok(Json(ranking.await?))
}
