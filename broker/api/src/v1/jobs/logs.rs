use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker_app::jobs::LogPiece;
use broker_app::{Broker, Caller, Error};
use broker_client::wire::LogView;
use broker_model::JobId;
use futures::stream::{self, Stream, TryStreamExt as _};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::sse;
use crate::state::ApiState;
use crate::v1::query::{Id, Query};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogQuery {
    stream: Option<String>,
    /// Bytes to skip; `Last-Event-ID` wins.
    offset: Option<u64>,
    /// Go on until the job is over; otherwise what is stored now, as plain bytes.
    follow: Option<bool>,
}

/// A log as server-sent events (the id is the offset to go on from), or its stored bytes.
pub(crate) async fn logs(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<JobId>,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = stream_name(query.stream.as_deref())?;
    let offset = sse::last_event_id(&headers)?.or(query.offset).unwrap_or(0);
    let accepts_events = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    let caller = authenticated.caller.clone();
    let project = state.broker.job(&caller, id).await?.spec.project;
    if query.follow.unwrap_or(accepts_events) {
        let pieces = state.broker.follow_log(&caller, id, stream, offset).await?;
        return Ok(sse::respond(state, authenticated, project, pieces, event)?.into_response());
    }
    let first = state.broker.read_log(&caller, id, stream, offset).await?;
    let pieces = stored(state.broker.clone(), caller, (id, stream), first);
    if accepts_events {
        return Ok(sse::respond(state, authenticated, project, pieces, event)?.into_response());
    }
    let bytes = Body::from_stream(pieces.map_ok(|piece| piece.bytes));
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// What is stored from the first piece on, to its end: a log is longer than what is read at once.
fn stored(
    broker: Broker,
    caller: Caller,
    (job, log): (JobId, &'static str),
    first: LogPiece,
) -> impl Stream<Item = Result<LogPiece, Error>> + Send + 'static {
    stream::try_unfold(Some(first), move |piece| {
        let (broker, caller) = (broker.clone(), caller.clone());
        async move {
            let Some(piece) = piece.filter(|piece| !piece.bytes.is_empty()) else {
                return Ok(None);
            };
            let next = broker.read_log(&caller, job, log, after(&piece)).await?;
            Ok(Some((piece, Some(next))))
        }
    })
}

fn stream_name(asked: Option<&str>) -> Result<&'static str, Problem> {
    match asked {
        None | Some("stdout") => Ok("stdout"),
        Some("stderr") => Ok("stderr"),
        Some(_) => Err(Problem::invalid(
            "stream: allowed are `stdout` and `stderr`",
        )),
    }
}

fn event(piece: LogPiece) -> Event {
    let next = after(&piece);
    let exact = std::str::from_utf8(&piece.bytes).is_ok();
    let view = LogView {
        offset: piece.offset,
        text: String::from_utf8_lossy(&piece.bytes).into_owned(),
        base64: (!exact).then(|| STANDARD.encode(&piece.bytes)),
    };
    let data = serde_json::to_string(&view).unwrap_or_default();
    Event::default()
        .id(next.to_string())
        .event("log")
        .data(data)
}

const fn after(piece: &LogPiece) -> u64 {
    piece.offset.saturating_add(piece.bytes.len() as u64)
}
