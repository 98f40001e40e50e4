//! Applications for access, and what people decide on them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use broker_app::{ApplicationForm, next_after};
use broker_client::wire::Page;
use broker_model::{Application, ApplicationDraft, ApplicationId, OrganisationId, RulingDraft};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::{self, JsonBody};
use crate::etag;
use crate::language::Language;
use crate::once::{self, Early, Keyed};
use crate::operation::{Operation, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Query, Whole};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/applications", list),
        post("/applications", apply),
        get("/applications/{id}", show),
        post("/applications/{id}/withdraw", withdraw),
        post("/applications/{id}/decisions", rule),
        get("/organisations/{id}/application-form", form),
        get("/reviews/applications", to_decide),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    organisation: Option<OrganisationId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Those of every organisation that the caller speaks for, or of one that they may look at.
async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(whose): Query<Whose>,
) -> Result<Json<Page<Application>>, Problem> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let found = match whose.organisation {
        None => broker.my_applications(caller).await?,
        Some(of) => { broker.applications_of(caller, of).await }
            .map_err(|error| Problem::from(error).naming(&of))?,
    };
    let query = Whole::new(whose.limit, whose.cursor);
    Ok(Json(query.page(found, |it| it.id.to_string())?))
}

async fn apply(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    keyed: Keyed,
    body: JsonBody<ApplicationDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Application>);
    let once = enter.await?;
    let made = broker.apply(caller, once.order(&body.value));
    let answer = once::answer(broker, &once, made.await).await;
    answer.map_err(|early| early.naming(&body.value.organisation))
}

async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ApplicationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = state.broker.application(&authenticated.caller, id).await?;
    let version = found.version.to_string();
    Ok(etag::tagged(&headers, &version, || body::json(&found)))
}

async fn withdraw(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ApplicationId>,
) -> Result<Json<Application>, Problem> {
    let withdrawn = state.broker.withdraw_application(&authenticated.caller, id);
    Ok(Json(withdrawn.await?))
}

/// A reviewer's decision; an acceptance makes project and allocation.
async fn rule(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ApplicationId>,
    keyed: Keyed,
    body: JsonBody<RulingDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let render = |it: &Application| once::rendered(StatusCode::CREATED, it);
    let once = keyed.enter((broker, caller), &body.bytes, render).await?;
    let made = broker.rule(caller, id, once.order(&body.value)).await;
    once::answer(broker, &once, made).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    mode: String,
    system: String,
}

/// What an application to a mode at a system has to say, and what is known already.
async fn form(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Language(language): Language,
    Id(id): Id<OrganisationId>,
    Query(to): Query<Where>,
) -> Result<Json<ApplicationForm>, Problem> {
    let asked = (id, to.mode.as_str(), to.system.as_str());
    let form = state
        .broker
        .application_form(&authenticated.caller, asked, &language)
        .await?;
    Ok(Json(form))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    cursor: Option<String>,
}

/// What waits for a decision, oldest first.
async fn to_decide(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(after): Query<After>,
) -> Result<Json<Page<Application>>, Problem> {
    let after: Option<ApplicationId> = query::cursor(after.cursor.as_deref())?;
    let waiting = state
        .broker
        .applications_to_decide(&authenticated.caller, after);
    let waiting = waiting.await?;
    let next = next_after(&waiting, |it| it.id);
    Ok(Json(query::page(waiting, next)))
}
