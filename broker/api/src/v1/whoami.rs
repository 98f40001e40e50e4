use axum::Json;
use axum::extract::State;
use broker_client::wire::WhoAmI;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::allocations::project_views;

pub(crate) async fn whoami(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<Json<WhoAmI>, Problem> {
    let caller = &authenticated.caller;
    let principal = &caller.principal;
    Ok(Json(WhoAmI {
        person: caller.person,
        issuer: principal.issuer.clone(),
        subject: principal.subject.clone(),
        name: principal.name.clone(),
        email: principal.email.clone(),
        assurance: principal.assurance.clone(),
        roles: caller.roles.to_vec(),
        projects: project_views(&state, caller).await?,
    }))
}
