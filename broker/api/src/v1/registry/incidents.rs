use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use broker_client::wire::Page;
use broker_model::{Incident, IncidentDraft, IncidentId, IncidentNews, SiteId};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
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
    keyed: Keyed,
    body: JsonBody<IncidentDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Incident>);
    let once = enter.await?;
    let made = broker.open_incident(caller, &id, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

pub(crate) async fn update(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, incident): Items<SiteId, IncidentId>,
    keyed: Keyed,
    body: JsonBody<IncidentNews>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let render = |it: &Incident| once::rendered(StatusCode::OK, it);
    let once = keyed.enter((broker, caller), &body.bytes, render).await?;
    let news = (incident, once.order(&body.value));
    let told = match broker.update_incident(caller, &site, news).await {
        Ok(told) => render(&told),
        Err(error) => broker.first_of_another(&once, error).await?,
    };
    Ok(once::response(told))
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
