use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use broker_client::wire::Page;
use broker_model::{Incident, IncidentDraft, IncidentId, IncidentNews, SiteId};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Items, Query, Whole};

/// What users are told of the site: on, to come and lately over, newest begin first.
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<Incident>>, Problem> {
    let incidents = state.broker.incidents(&id)?;
    Ok(Json(
        query.page(incidents, |it: &Incident| it.id.to_string())?,
    ))
}

pub(crate) async fn open(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    body: JsonBody<IncidentDraft>,
) -> Result<(StatusCode, Json<Incident>), Problem> {
    let (caller, draft) = (&authenticated.caller, &body.value);
    let incident = state.broker.open_incident(caller, &id, draft).await?;
    Ok((StatusCode::CREATED, Json(incident)))
}

pub(crate) async fn update(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, incident): Items<SiteId, IncidentId>,
    body: JsonBody<IncidentNews>,
) -> Result<Json<Incident>, Problem> {
    let (caller, news) = (&authenticated.caller, (incident, &body.value));
    Ok(Json(
        state.broker.update_incident(caller, &site, news).await?,
    ))
}

pub(crate) async fn close(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, incident): Items<SiteId, IncidentId>,
) -> Result<Json<Incident>, Problem> {
    let caller = &authenticated.caller;
    Ok(Json(
        state.broker.close_incident(caller, &site, incident).await?,
    ))
}
