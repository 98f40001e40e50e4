//! Server-sent events that survive a reconnect: each carries the id to resume after.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use broker_app::Result;
use futures::stream::{self, Stream, StreamExt as _};

use crate::auth::Authenticated;
use crate::state::ApiState;

/// How often a stream makes sure that its token is still good.
const CHECK_TOKEN: Duration = Duration::from_secs(5);

pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()
}

/// Makes a response of a stream. It ends with an event `end` when nothing more will come, with
/// `token` when the caller's token ended meanwhile (get a new one, reconnect with `Last-Event-ID`), and
/// with `error` when the broker could not go on.
pub(crate) fn respond<T: Send + 'static>(
    state: ApiState,
    authenticated: Authenticated,
    items: impl Stream<Item = Result<T>> + Send + 'static,
    event: impl Fn(T) -> Event + Send + 'static,
) -> Sse<impl Stream<Item = std::result::Result<Event, Infallible>> + Send + 'static> {
    let events = items.map(move |item| match item {
        Ok(item) => (event(item), false),
        Err(error) => {
            tracing::warn!(%error, "a stream broke off");
            (named("error", "the broker could not go on; reconnect"), true)
        }
    });
    let events = events.chain(stream::iter([(named("end", ""), true)]));
    let guarded = stream::unfold(
        (Box::pin(events), state, authenticated, false),
        |(mut events, state, authenticated, done)| async move {
            if done {
                return None;
            }
            loop {
                match tokio::time::timeout(CHECK_TOKEN, events.next()).await {
                    Ok(Some((event, last))) => {
                        return Some((Ok(event), (events, state, authenticated, last)));
                    }
                    Ok(None) => return None,
                    Err(_) => {
                        if state.auth.bearer(&authenticated.token).await.is_err() {
                            let event = named("token", "the access token has ended");
                            return Some((Ok(event), (events, state, authenticated, true)));
                        }
                    }
                }
            }
        },
    );
    Sse::new(guarded).keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
}

fn named(kind: &str, data: &str) -> Event {
    Event::default().event(kind).data(data)
}
