use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_model::{
    CapacityWindow, Drain, DrainDraft, DrainId, LimitDraft, OrganisationId, OrganisationLimit,
    OrganisationVeto, OrganisationVetoDraft, SiteId, Veto, VetoDraft, VetoId, WindowDraft,
    WindowEnd, WindowId,
};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Items};

type Created = Result<Response, Early>;

pub(crate) async fn open_window(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    keyed: Keyed,
    body: JsonBody<WindowDraft>,
) -> Created {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter(
        (broker, caller),
        &body.bytes,
        once::created::<CapacityWindow>,
    );
    let once = enter.await?;
    let made = broker.open_window(caller, &id, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

pub(crate) async fn close_window(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, window): Items<SiteId, WindowId>,
    body: JsonBody<WindowEnd>,
) -> Result<Json<CapacityWindow>, Problem> {
    let (caller, end) = (&authenticated.caller, (window, body.value));
    Ok(Json(state.broker.close_window(caller, &site, end).await?))
}

pub(crate) async fn drain(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    keyed: Keyed,
    body: JsonBody<DrainDraft>,
) -> Created {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Drain>);
    let once = enter.await?;
    let made = broker.drain_site(caller, &id, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

pub(crate) async fn undrain(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, drain): Items<SiteId, DrainId>,
) -> Result<Json<Drain>, Problem> {
    let caller = &authenticated.caller;
    Ok(Json(state.broker.undrain_site(caller, &site, drain).await?))
}

pub(crate) async fn veto(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    keyed: Keyed,
    body: JsonBody<VetoDraft>,
) -> Created {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Veto>);
    let once = enter.await?;
    let made = broker.veto_grant(caller, &id, once.order(&body.value));
    let answer = once::answer(broker, &once, made.await).await;
    answer.map_err(|early| early.naming(&body.value.allocation))
}

pub(crate) async fn lift(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, veto): Items<SiteId, VetoId>,
) -> Result<Json<Veto>, Problem> {
    let caller = &authenticated.caller;
    Ok(Json(state.broker.lift_veto(caller, &site, veto).await?))
}

pub(crate) async fn veto_organisation(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    keyed: Keyed,
    body: JsonBody<OrganisationVetoDraft>,
) -> Created {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let created = once::created::<OrganisationVeto>;
    let enter = keyed.enter((broker, caller), &body.bytes, created);
    let once = enter.await?;
    let made = broker.veto_organisation(caller, &id, once.order(&body.value));
    let answer = once::answer(broker, &once, made.await).await;
    answer.map_err(|early| early.naming(&body.value.organisation))
}

pub(crate) async fn lift_organisation(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, veto): Items<SiteId, VetoId>,
) -> Result<Json<OrganisationVeto>, Problem> {
    let caller = &authenticated.caller;
    let lifted = state.broker.lift_organisation_veto(caller, &site, veto);
    Ok(Json(lifted.await?))
}

/// Sets the limit of an organisation in place of any other.
pub(crate) async fn limit(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, organisation): Items<SiteId, OrganisationId>,
    body: JsonBody<LimitDraft>,
) -> Result<Json<OrganisationLimit>, Problem> {
    let (caller, draft) = (&authenticated.caller, (organisation, body.value));
    let limit = state
        .broker
        .limit_organisation(caller, &site, draft)
        .await?;
    Ok(Json(limit))
}
