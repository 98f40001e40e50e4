use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use broker_client::wire::{JobView, Page, UsageView};
use broker_model::{JobId, UsageRecord};

use crate::auth::Authenticated;
use crate::body;
use crate::etag;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query, Whole};

/// One job; its version is its entity tag.
pub(crate) async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = state.broker.job(&authenticated.caller, id).await?;
    Ok(etag::tagged(&headers, &job.version.to_string(), || {
        body::json(&JobView::from(job))
    }))
}

pub(crate) async fn placement(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(etag::json(
        &headers,
        &state.broker.placement(&authenticated.caller, id).await?,
    ))
}

/// The eligibility decision as it was stored, byte for byte, with the question it answered. It is
/// never written again, so its id is its tag.
pub(crate) async fn decision(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let decision = state.broker.decision_of(&authenticated.caller, id).await?;
    let document = ([(CONTENT_TYPE, "application/json")], decision.document);
    Ok(etag::tagged(&headers, &decision.id.to_string(), || {
        document
    }))
}

pub(crate) async fn usage(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<UsageView>>, Problem> {
    let records = state.broker.usage_of(&authenticated.caller, id).await?;
    let view = |record: UsageRecord| UsageView {
        month: record.month(),
        record,
    };
    let views = records.into_iter().map(view).collect();
    Ok(Json(query.page(views, |view: &UsageView| {
        view.record.attempt.to_string()
    })?))
}
