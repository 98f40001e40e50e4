//! What is kept of the caller, and their wish not to be known any more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use broker_app::Error;
use broker_client::wire::ErasureRequestView;
use broker_store::StoreError;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;

/// The whole of it as one document (GDPR Art. 15 and 20).
pub(crate) async fn export(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<Response, Problem> {
    let export = state.broker.export_me(&authenticated.caller).await?;
    let unwritable =
        |error: serde_json::Error| Error::Store(StoreError::Database(error.to_string()));
    let body = serde_json::to_vec(&export).map_err(unwritable)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Takes down that the caller wants to be erased (GDPR Art. 17); asking again gives the first answer.
pub(crate) async fn request_erasure(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<(StatusCode, Json<ErasureRequestView>), Problem> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let asked = broker.request_erasure(caller).await?;
    let left = broker.left_by_erasure(caller);
    let view = ErasureRequestView {
        person: asked.person,
        asked_at: asked.asked_at,
        left_alone: left.await?,
    };
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Takes the wish back while it waits.
pub(crate) async fn withdraw_erasure(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<Json<ErasureRequestView>, Problem> {
    let withdrawn = state.broker.withdraw_erasure(&authenticated.caller);
    let withdrawn = withdrawn.await?;
    Ok(Json(ErasureRequestView {
        person: withdrawn.person,
        asked_at: withdrawn.asked_at,
        left_alone: Vec::new(),
    }))
}
