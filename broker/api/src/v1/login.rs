use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use broker_client::wire::LoginOptions;

use crate::problem::Problem;
use crate::state::ApiState;

/// Tells how to sign in; open to all, since nobody can be signed in yet.
pub(crate) async fn login(State(state): State<ApiState>) -> Result<Json<LoginOptions>, Problem> {
    let Some(first) = state.login.first() else {
        return Err(no_device_login());
    };
    Ok(Json(LoginOptions {
        first: first.login.clone(),
        issuers: state.login.to_vec(),
    }))
}

fn no_device_login() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-device-login",
        "no issuer of this broker has a client for logins from the command line",
    )
    .remedy("use the portal, or ask the broker's operator for an `[issuers.device]` table")
}
