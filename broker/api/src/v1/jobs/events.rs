use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Event;
use broker_app::jobs::JobEventRow;
use broker_model::JobId;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::sse;
use crate::state::ApiState;
use crate::v1::query::Id;

/// Streams the ledger's entries of a job; the event id is the entry's position in the ledger.
pub(crate) async fn events(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let after = sse::last_event_id(&headers)?;
    let job = state.broker.job(&authenticated.caller, id).await?;
    let rows = state
        .broker
        .follow_events(&authenticated.caller, id, after)
        .await?;
    sse::respond(state, authenticated, job.spec.project, rows, event)
}

fn event(row: JobEventRow) -> Event {
    let kind = serde_json::to_value(row.entry.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or("entry").to_owned();
    let data = serde_json::to_string(&row.entry).unwrap_or_default();
    Event::default()
        .id(row.seq.to_string())
        .event(kind)
        .data(data)
}
