use axum::Json;
use axum::extract::State;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_client::wire::{JobView, Page, UsageView};
use broker_model::{JobId, Placement, UsageRecord};

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, page};

/// One job; its version is its entity tag, so a poll that finds nothing new costs 304 and no body.
pub(crate) async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = state.broker.job(&authenticated.caller, id).await?;
    let tag = format!("\"{}\"", job.version);
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.split(',').any(|t| t.trim() == tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(JobView::from(&job)).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

pub(crate) async fn placement(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
) -> Result<Json<Placement>, Problem> {
    Ok(Json(state.broker.placement(&authenticated.caller, id).await?))
}

/// The eligibility decision as it was stored, with the question it answered.
pub(crate) async fn decision(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
) -> Result<Response, Problem> {
    let decision = state.broker.decision_of(&authenticated.caller, id).await?;
    Ok(([("content-type", "application/json")], decision.document).into_response())
}

pub(crate) async fn usage(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
) -> Result<Json<Page<UsageView>>, Problem> {
    let records = state.broker.usage_of(&authenticated.caller, id).await?;
    let view = |record: UsageRecord| UsageView { month: record.month(), record };
    Ok(Json(page(records.into_iter().map(view).collect(), None::<String>)))
}
