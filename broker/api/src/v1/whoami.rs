use axum::Json;
use axum::extract::State;
use broker_app::HeldRole;
use broker_client::wire::{RoleOrigin, RoleView, WhoAmI};

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
        entitlements: principal
            .entitlements
            .iter()
            .map(ToString::to_string)
            .collect(),
        roles: state
            .broker
            .held_roles(caller)
            .into_iter()
            .map(role_view)
            .collect(),
        projects: project_views(&state, caller).await?,
    }))
}

fn role_view(held: HeldRole) -> RoleView {
    RoleView {
        from: match &held.entitlement {
            None => RoleOrigin::Grant,
            Some(_) => RoleOrigin::Entitlement,
        },
        role: held.role,
        entitlement: held.entitlement.map(|it| it.to_string()),
    }
}
