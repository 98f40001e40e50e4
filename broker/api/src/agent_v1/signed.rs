use agent_link::answer;
use agent_link::request::Claims;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::BASE;
use crate::problem::Problem;
use crate::state::ApiState;

/// Reads how each request of a router is signed, and signs the answer to it, a refusal too: an agent
/// believes nothing else. A request that is not signed is answered all the same, without.
pub(crate) fn signed(router: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    router.layer(middleware::from_fn_with_state(state.clone(), sign))
}

async fn sign(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let Some(claims) = claims(&state, &request) else {
        return next.run(request).await;
    };
    request.extensions_mut().insert(claims.clone());
    let (mut parts, body) = next.run(request).await.into_parts();
    // Answers to agents are JSON that was in memory whole.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Problem::broken().into_response();
    };
    let now = state.broker.clock().now().as_second();
    let door = state.broker.agent_door();
    let headers = answer::sign(&door.key, now, &claims, parts.status, &bytes);
    parts.headers.extend(headers);
    Response::from_parts(parts, Body::from(bytes))
}

fn claims(state: &ApiState, request: &Request) -> Option<Claims> {
    let uri = request.extensions().get::<OriginalUri>();
    let uri = uri.map_or_else(|| request.uri(), |original| &original.0);
    let whole = as_sent(state.broker.agent_door().url.path(), uri)?;
    Claims::read(request.headers(), (request.method(), &whole))
}

/// The target as the agent signed it: a proxy before the broker takes away what `public_url` has for
/// a path.
pub(crate) fn as_sent(public: &str, uri: &Uri) -> Option<Uri> {
    let public = public.trim_end_matches('/');
    let path = uri.path_and_query()?.as_str();
    // With an agent's path behind it: `public` may be the beginning of that one, too.
    if path.starts_with(&format!("{public}{BASE}/")) {
        return Some(uri.clone());
    }
    format!("{public}{path}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_a_proxy_took_away_is_there_again() {
        let at = |public: &str, uri: &str| {
            let uri = as_sent(public, &uri.parse().unwrap()).unwrap();
            uri.to_string()
        };
        assert_eq!(at("/", "/agent/v1/lease?a=1"), "/agent/v1/lease?a=1");
        assert_eq!(
            at("/alcyone/", "/agent/v1/lease"),
            "/alcyone/agent/v1/lease"
        );
        assert_eq!(
            at("/alcyone", "/alcyone/agent/v1/lease"),
            "/alcyone/agent/v1/lease"
        );
        for public in ["/agent", "/agent/v1"] {
            let whole = format!("{public}/agent/v1/lease");
            assert_eq!(at(public, "/agent/v1/lease"), whole);
            assert_eq!(at(public, &whole), whole);
        }
    }
}
