use axum::Json;
use axum::extract::State;
use broker_app::{RouteFound, RouteQuery};
use broker_client::wire::Page;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::language::Language;
use crate::problem::Problem;
use crate::state::ApiState;

/// Answers every access mode at every system; a "no" with its reasons is an answer, too. Nothing is stored.
pub(crate) async fn find(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Language(language): Language,
    body: JsonBody<RouteQuery>,
) -> Result<Json<Page<RouteFound>>, Problem> {
    let asked = (body.value, language.as_str());
    let found = state.broker.find_routes(&authenticated.caller, asked);
    let items = found.await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
