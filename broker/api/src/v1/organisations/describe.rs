use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use broker_app::{OrganisationSize, Undertaking, organisation_tag};
use broker_client::wire::Page;
use broker_model::{AidRecord, Organisation, OrganisationDraft, OrganisationId};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::{self, JsonBody};
use crate::etag;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Query, Whole};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Those the caller speaks for; every one for reviewers and operators, newest first.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(which): Query<Which>,
) -> Result<Json<Page<Organisation>>, Problem> {
    let limit = query::limit(which.limit)?;
    let page = broker_store::Page {
        limit: limit + 1,
        before: query::cursor(which.cursor.as_deref())?,
    };
    let found = state.broker.organisations(&authenticated.caller, &page);
    let mut items = found.await?;
    let is_paged = items.len() > limit as usize && is_newest_first(&items);
    if is_paged {
        items.truncate(limit as usize);
    }
    let next = items.last().filter(|_| is_paged).map(|it| it.id);
    Ok(Json(query::page(items, next)))
}

/// A person's own come whole, by id.
fn is_newest_first(items: &[Organisation]) -> bool {
    items.is_sorted_by_key(|it| std::cmp::Reverse(it.id))
}

pub(crate) async fn register(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    keyed: Keyed,
    body: JsonBody<OrganisationDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let entering = keyed.enter((broker, caller), &body.bytes, once::created::<Organisation>);
    let once = entering.await?;
    let made = broker.register_organisation(caller, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

pub(crate) async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = state.broker.organisation(&authenticated.caller, id).await?;
    let body = || body::json(&found);
    Ok(etag::tagged(&headers, &organisation_tag(&found), body))
}

/// Describes it anew; `If-Match` names the description that the change was made on.
pub(crate) async fn describe(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    headers: HeaderMap,
    draft: JsonBody<OrganisationDraft>,
) -> Result<Response, Problem> {
    let made_on = etag::expected(&headers)?;
    let change = (made_on.as_deref(), &draft.value);
    let described = state
        .broker
        .describe_organisation(&authenticated.caller, id, change);
    let described = described.await?;
    let body = || body::json(&described);
    Ok(etag::tagged(
        &HeaderMap::new(),
        &organisation_tag(&described),
        body,
    ))
}

/// How large it is today, and how that follows.
pub(crate) async fn size(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
) -> Result<Json<OrganisationSize>, Problem> {
    let found = state.broker.organisation_size(&authenticated.caller, id);
    Ok(Json(found.await?))
}

/// What national hours were worth to it, as far as the register here goes.
pub(crate) async fn aid(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<AidRecord>>, Problem> {
    let records = state.broker.aid_of(&authenticated.caller, id).await?;
    Ok(Json(query.page(records, |it| it.id.to_string())?))
}

/// Whose aid counts together with its own, and what could not be counted.
pub(crate) async fn undertaking(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<OrganisationId>,
) -> Result<Json<Undertaking>, Problem> {
    let found = state.broker.undertaking(&authenticated.caller, id).await?;
    Ok(Json(found))
}
