use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_app::next_after;
use broker_client::wire::Page;
use broker_model::{
    Evidence, EvidenceDraft, EvidenceFinding, EvidenceId, OrganisationId, ScreeningDraft,
    SignatoryHint,
};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Items, Query, Whole};

pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<Evidence>>, Problem> {
    let evidence = state.broker.evidence(&authenticated.caller, id).await?;
    Ok(Json(query.page(evidence, |it| it.id.to_string())?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    cursor: Option<String>,
}

/// What nobody has looked at, of every organisation, oldest first.
pub(crate) async fn to_check(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(after): Query<After>,
) -> Result<Json<Page<Evidence>>, Problem> {
    let after: Option<EvidenceId> = query::cursor(after.cursor.as_deref())?;
    let waiting = state
        .broker
        .unchecked_evidence(&authenticated.caller, after);
    let waiting = waiting.await?;
    let next = next_after(&waiting, |it| it.id);
    Ok(Json(query::page(waiting, next)))
}

pub(crate) async fn hand_in(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    keyed: Keyed,
    body: JsonBody<EvidenceDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Evidence>);
    let once = enter.await?;
    let made = broker.hand_in_evidence(caller, id, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

/// What a reviewer found in lists of sanctions or export control.
pub(crate) async fn screen(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    keyed: Keyed,
    body: JsonBody<ScreeningDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Evidence>);
    let once = enter.await?;
    let made = broker.record_screening(caller, id, once.order(&body.value));
    let answer = once::answer(broker, &once, made.await).await;
    match &body.value.person {
        Some(person) => answer.map_err(|early| early.naming(person)),
        None => answer,
    }
}

/// A reviewer's word on it.
pub(crate) async fn check(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(of, id): Items<OrganisationId, EvidenceId>,
    body: JsonBody<EvidenceFinding>,
) -> Result<Json<Evidence>, Problem> {
    let caller = &authenticated.caller;
    let checked = state.broker.check_evidence(caller, (of, id), body.value);
    Ok(Json(checked.await?))
}

pub(crate) async fn withdraw(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(of, id): Items<OrganisationId, EvidenceId>,
) -> Result<Json<Evidence>, Problem> {
    let caller = &authenticated.caller;
    Ok(Json(
        state.broker.withdraw_evidence(caller, (of, id)).await?,
    ))
}

/// What the newest list of signatories says of its name, for whoever checks a pledge.
pub(crate) async fn signatories(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
) -> Result<Json<SignatoryHint>, Problem> {
    let hint = state.broker.signatory_hint(&authenticated.caller, id);
    Ok(Json(hint.await?))
}
