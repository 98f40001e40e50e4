use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_app::{Match, next_after};
use broker_client::wire::Page;
use broker_model::{OrganisationId, Profile, ProfileDraft, ProfileId};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Items, Query};

pub(crate) async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
) -> Result<Json<Profile>, Problem> {
    let found = state.broker.profile(&authenticated.caller, id).await?;
    Ok(Json(found.ok_or(broker_app::Error::NotFound("profile"))?))
}

/// Publishes a profile, or says anew what stands in it.
pub(crate) async fn publish(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    keyed: Keyed,
    body: JsonBody<ProfileDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let render = |it: &Profile| once::rendered(axum::http::StatusCode::OK, it);
    let once = keyed.enter((broker, caller), &body.bytes, render).await?;
    let told = match broker
        .publish_profile(caller, id, once.order(&body.value))
        .await
    {
        Ok(published) => render(&published),
        Err(error) => broker.first_of_another(&once, error).await?,
    };
    Ok(once::response(told))
}

/// Takes it back with all its texts.
pub(crate) async fn withdraw(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
) -> Result<Json<Profile>, Problem> {
    let withdrawn = state.broker.withdraw_profile(&authenticated.caller, id);
    Ok(Json(withdrawn.await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    cursor: Option<String>,
}

/// Whom the organisation may meet.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    Query(after): Query<After>,
) -> Result<Json<Page<Match>>, Problem> {
    let after: Option<ProfileId> = query::cursor(after.cursor.as_deref())?;
    let matches = state
        .broker
        .matches(&authenticated.caller, (id, after))
        .await?;
    let next = next_after(&matches, |it| it.profile);
    Ok(Json(query::page(matches, next)))
}

pub(crate) async fn show_interest(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(id, profile): Items<OrganisationId, ProfileId>,
) -> Result<Json<Match>, Problem> {
    let shown = state
        .broker
        .show_interest(&authenticated.caller, (id, profile));
    Ok(Json(shown.await?))
}

pub(crate) async fn withdraw_interest(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(id, profile): Items<OrganisationId, ProfileId>,
) -> Result<Json<Match>, Problem> {
    let withdrawn = state
        .broker
        .withdraw_interest(&authenticated.caller, (id, profile));
    Ok(Json(withdrawn.await?))
}
