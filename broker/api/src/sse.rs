//! Server-sent events that survive a reconnect: each carries the id to resume after.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use broker_app::Result;
use broker_model::ProjectId;
use futures::stream::{self, Stream, StreamExt as _};
use tokio::time::timeout;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;

/// How often a silent stream makes sure that its token is still good; one that speaks asks before
/// each event. A verified token is remembered, so asking costs next to nothing.
const CHECK_TOKEN: Duration = Duration::from_secs(1);
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The id to resume after. One that no stream of ours gave is refused: to begin at the start instead
/// would repeat what the client has.
pub(crate) fn last_event_id(headers: &HeaderMap) -> std::result::Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse().map_err(|_| {
        Problem::invalid(
            "Last-Event-ID: not one that this stream gave; leave it out to begin at the start",
        )
    })?;
    Ok(Some(id))
}

/// Makes a response of a stream. It ends with an event `end` when nothing more will come, with
/// `token` when the caller's token ended meanwhile (get a new one, reconnect with `Last-Event-ID`),
/// and with `error` when the broker could not go on. Whether the caller may see the project is asked
/// again as often as whether the token still holds. A broker that is about to end begins no stream: its
/// clients would come back at once, again and again.
pub(crate) fn respond<T: Send + 'static>(
    state: ApiState,
    authenticated: Authenticated,
    project: ProjectId,
    items: impl Stream<Item = Result<T>> + Send + 'static,
    event: impl Fn(T) -> Event + Send + 'static,
) -> std::result::Result<
    Sse<impl Stream<Item = std::result::Result<Event, Infallible>> + Send + 'static>,
    Problem,
> {
    if state.broker.is_draining() {
        return Err(Problem::shutting_down());
    }
    let events = items.map(move |item| match item {
        Ok(item) => Said {
            event: event(item),
            last: false,
        },
        Err(error) => {
            tracing::warn!(%error, "a stream broke off");
            Said::last("error", "the broker could not go on; reconnect")
        }
    });
    let events = events.chain(stream::iter([Said::last("end", "nothing more will come")]));
    let guarded = Guarded {
        events: Box::pin(events),
        state,
        authenticated,
        project,
        over: false,
    };
    let guarded = stream::unfold(guarded, Guarded::next);
    Ok(Sse::new(guarded).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

struct Said {
    event: Event,
    last: bool,
}

impl Said {
    fn last(kind: &str, data: &str) -> Self {
        Self {
            event: Event::default().event(kind).data(data),
            last: true,
        }
    }
}

/// A stream that goes on only as long as the token it was opened with.
struct Guarded {
    events: Pin<Box<dyn Stream<Item = Said> + Send>>,
    state: ApiState,
    authenticated: Authenticated,
    project: ProjectId,
    over: bool,
}

impl Guarded {
    async fn next(mut self) -> Option<(std::result::Result<Event, Infallible>, Self)> {
        while !self.over {
            let token = &self.authenticated.token;
            let said = if let Some(end) = barred(&self.state, token, self.project).await {
                end
            } else {
                let next = tokio::select! {
                    next = timeout(CHECK_TOKEN, self.events.next()) => next,
                    // Without a last word: the client takes it up again where it was, elsewhere.
                    () = self.state.broker.drained() => return None,
                };
                match next {
                    Ok(Some(said)) => said,
                    Ok(None) => return None,
                    Err(_) => continue,
                }
            };
            self.over = said.last;
            return Some((Ok(said.event), self));
        }
        None
    }
}

/// Why the stream must not go on. An issuer or a database that cannot be asked right now ends
/// nothing: token and role were good a moment ago.
async fn barred(state: &ApiState, token: &str, project: ProjectId) -> Option<Said> {
    match state.auth.bearer(token).await {
        Ok(principal) => {
            let caller = state.broker.caller(principal).await.ok()?;
            let lost = !caller.may_see(project);
            lost.then(|| Said::last("error", "you may no longer see this job"))
        }
        Err(failure) if failure.unavailable => None,
        Err(_) => Some(Said::last(
            "token",
            "the access token has ended; reconnect with a new one",
        )),
    }
}
