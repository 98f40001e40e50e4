use axum::Json;
use axum::extract::State;
use broker_app::{NotOfferedFound, RouteFound, RouteQuery};
use serde::Serialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::language::Language;
use crate::problem::Problem;
use crate::state::ApiState;

#[derive(Serialize)]
pub(crate) struct RouteList {
    items: Vec<RouteFound>,
    not_offered: Vec<NotOfferedFound>,
}

/// Answers every access mode at every system; a "no" with its reasons is an answer, too. Nothing is stored.
pub(crate) async fn find(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Language(language): Language,
    body: JsonBody<RouteQuery>,
) -> Result<Json<RouteList>, Problem> {
    let asked = (body.value, language.as_str());
    let found = state.broker.find_routes(&authenticated.caller, asked);
    Ok(Json(RouteList {
        items: found.await?,
        not_offered: state.broker.modes_not_offered(language.as_str()),
    }))
}
