//! A job as it happens, over server-sent events that go on after a reconnect where they were.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use broker_app::Error;
use broker_app::jobs::{JobEventRow, LogPiece};
use broker_model::JobId;
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::json;
use tokio::time::{Instant, Interval, interval_at};

use crate::Portal;
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::visitor::Member;
use crate::words;

/// A stream outlives its session by no more than this.
const CHECK_SESSION: Duration = Duration::from_secs(5);

type Events = Pin<Box<dyn Stream<Item = broker_app::Result<Event>> + Send>>;

/// The log as events (the id is the offset to go on from), or all stored bytes of it as text.
pub(crate) async fn logs(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = super::job_id(&id)?;
    let name = stream_name(fields.text("stream"))?;
    let wants_events = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if !wants_events {
        return whole_log(portal, member, id, name).await;
    }
    let offset = resumed(&headers).or(number(&fields, "offset")).unwrap_or(0);
    let pieces = portal
        .broker
        .follow_log(member.caller(), id, name, offset)
        .await?;
    Ok(respond(portal, &member, id, log_events(pieces, offset)))
}

/// What the ledger has of the job, entry by entry; the id is the entry's position.
pub(crate) async fn events(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = super::job_id(&id)?;
    let after = resumed(&headers).or(number(&fields, "after"));
    let rows = portal
        .broker
        .follow_events(member.caller(), id, after)
        .await?;
    Ok(respond(
        portal,
        &member,
        id,
        rows.map(|row| row.map(|row| entry_event(&row))).boxed(),
    ))
}

async fn whole_log(
    portal: Portal,
    member: Member,
    id: JobId,
    name: &'static str,
) -> Result<Response, Refusal> {
    portal.broker.job(member.caller(), id).await?;
    let pieces = stream::try_unfold(
        (portal, member, 0),
        move |(portal, member, offset)| async move {
            let piece = portal
                .broker
                .read_log(member.caller(), id, name, offset)
                .await?;
            if piece.bytes.is_empty() {
                return Ok::<_, broker_app::Error>(None);
            }
            let next = offset + piece.bytes.len() as u64;
            Ok(Some((piece.bytes, (portal, member, next))))
        },
    );
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

pub(crate) fn stream_name(asked: Option<&str>) -> Result<&'static str, Refusal> {
    match asked {
        None | Some("stdout") => Ok("stdout"),
        Some("stderr") => Ok("stderr"),
        Some(_) => Err(Refusal::NoPage),
    }
}

/// A reconnecting browser says what it had last.
fn resumed(headers: &HeaderMap) -> Option<u64> {
    headers
        .get("last-event-id")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn number(fields: &Fields, name: &str) -> Option<u64> {
    fields.text(name)?.parse().ok()
}

/// Pieces end anywhere, also within a character: its bytes wait for the next piece.
fn log_events(
    pieces: impl Stream<Item = broker_app::Result<LogPiece>> + Send + 'static,
    offset: u64,
) -> Events {
    let begun = (Vec::new(), offset);
    let events = pieces.scan(begun, |(waiting, end), piece| {
        let event = piece.map(|piece| {
            waiting.extend_from_slice(&piece.bytes);
            let (text, left) = decoded(waiting);
            *end = piece.offset + (piece.bytes.len() as u64).saturating_sub(left as u64);
            waiting.drain(..waiting.len() - left);
            let data = json!({ "text": text }).to_string();
            Event::default().id(end.to_string()).event("log").data(data)
        });
        futures::future::ready(Some(event))
    });
    events.boxed()
}

/// The text of log bytes, and how many at the end are a character that has only begun.
pub(crate) fn decoded(bytes: &[u8]) -> (String, usize) {
    let begun = match bytes.utf8_chunks().last().map(|chunk| chunk.invalid()) {
        Some(invalid) if is_begun(invalid) => invalid.len(),
        _ => 0,
    };
    let (whole, _) = bytes.split_at(bytes.len() - begun);
    (String::from_utf8_lossy(whole).into_owned(), begun)
}

/// Whether more bytes could make a character of these.
fn is_begun(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn entry_event(row: &JobEventRow) -> Event {
    let kind = words::kind_name(row.entry.kind);
    let data = json!({ "seq": row.seq, "kind": kind }).to_string();
    Event::default()
        .id(row.seq.to_string())
        .event("entry")
        .data(data)
}

/// Whether a stream may go on.
enum Standing {
    Holds,
    SignedOut,
    /// The person may no longer see the job.
    NotTheirs,
}

/// A database that is away ends nothing: session and role were good a moment ago.
async fn standing(portal: &Portal, token: &str, job: JobId) -> Standing {
    match portal.broker.session(token).await {
        Ok(None) => Standing::SignedOut,
        Ok(Some(open)) => match portal.broker.job(&open.caller, job).await {
            Err(Error::NotFound(_)) => Standing::NotTheirs,
            _ => Standing::Holds,
        },
        Err(_) => Standing::Holds,
    }
}

struct Guarded {
    events: Events,
    portal: Portal,
    token: std::sync::Arc<str>,
    job: JobId,
    check: Interval,
    done: bool,
}

impl Guarded {
    /// `None` when the stream ends without a word: the browser reconnects by itself.
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                _ = self.check.tick() => {
                    match standing(&self.portal, &self.token, self.job).await {
                        Standing::Holds => {}
                        Standing::SignedOut => {
                            self.done = true;
                            return Some(Event::default().event("session").data("ended"));
                        }
                        // The reconnect is told so.
                        Standing::NotTheirs => return None,
                    }
                }
                () = self.portal.broker.drained() => return None,
                item = self.events.next() => return self.told(item),
            }
        }
    }

    fn told(&mut self, item: Option<broker_app::Result<Event>>) -> Option<Event> {
        match item {
            Some(Ok(event)) => Some(event),
            Some(Err(error)) => {
                tracing::warn!(%error, "a stream of the portal broke off");
                None
            }
            None => {
                self.done = true;
                Some(Event::default().event("end").data("end"))
            }
        }
    }
}

/// Sends events while the session holds. `end` says that nothing more will come, `session` that the
/// person must sign in again.
fn respond(portal: Portal, member: &Member, job: JobId, events: Events) -> Response {
    let check = interval_at(Instant::now() + CHECK_SESSION, CHECK_SESSION);
    let token = member.session.token.clone();
    let guarded = Guarded {
        events,
        portal,
        token,
        job,
        check,
        done: false,
    };
    let events = stream::unfold(guarded, |mut guarded| async move {
        if guarded.done {
            return None;
        }
        let event = guarded.next().await?;
        Some((Ok::<_, Infallible>(event), guarded))
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(10));
    Sse::new(events).keep_alive(alive).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_has_only_begun_waits_for_its_other_bytes() {
        let euro = "a€".as_bytes();
        assert_eq!(decoded(&euro[..3]), ("a".to_owned(), 2));
        assert_eq!(decoded(euro), ("a€".to_owned(), 0));
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such_and_wait_for_nothing() {
        assert_eq!(decoded(b"a\xffb\xff"), ("a\u{fffd}b\u{fffd}".to_owned(), 0));
        assert_eq!(decoded(b""), (String::new(), 0));
    }
}
