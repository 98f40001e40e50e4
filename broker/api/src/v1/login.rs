use axum::Json;
use axum::extract::State;
use broker_client::wire::LoginView;

use crate::state::ApiState;

/// Tells how to sign in; open to all, since nobody can be signed in yet.
pub(crate) async fn login(State(state): State<ApiState>) -> Json<LoginView> {
    Json(LoginView::clone(&state.login))
}
