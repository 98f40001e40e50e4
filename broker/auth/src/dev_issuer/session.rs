use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::{DevPerson, Shared, pages};

#[derive(Deserialize)]
pub(super) struct End {
    #[serde(default)]
    post_logout_redirect_uri: Option<Url>,
    #[serde(default)]
    state: String,
}

/// What the scopes of the token allow to be said (OpenID Connect Core 5.4).
pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(claims) = shared.said_to(&headers) {
        return Json(claims).into_response();
    }
    let challenge = [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}

/// There is no session to end: people are picked anew each time. Only the way back is kept.
pub(super) async fn end(State(shared): State<Arc<Shared>>, Query(asked): Query<End>) -> Response {
    let origin_of = |url: &Url| url.origin();
    let callbacks = &shared.config.portal_callbacks;
    let own = |url: &Url| {
        callbacks
            .iter()
            .any(|callback| origin_of(callback) == origin_of(url))
    };
    match asked.post_logout_redirect_uri.filter(own) {
        Some(mut url) => {
            if !asked.state.is_empty() {
                url.query_pairs_mut().append_pair("state", &asked.state);
            }
            Redirect::to(url.as_str()).into_response()
        }
        None => pages::said("Signed out", "You may close this window."),
    }
}

impl Shared {
    fn said_to(&self, headers: &HeaderMap) -> Option<Map<String, Value>> {
        let bearer = headers
            .get(AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Bearer ")?;
        let token = self.key.check(bearer)?;
        let text = |name: &str| token.get(name).and_then(Value::as_str);
        let in_time = token
            .get("exp")
            .and_then(Value::as_i64)
            .is_some_and(|exp| self.now() < exp);
        // An ID token has the client as audience and does not open userinfo.
        if !in_time || text("aud") != Some(&self.config.audience) {
            return None;
        }
        let scopes = text("scope")?.split(' ').collect::<Vec<_>>();
        let person = self.person(text("sub")?)?;
        scopes.contains(&"openid").then(|| person.said_in(&scopes))
    }
}

impl DevPerson {
    fn said_in(&self, scopes: &[&str]) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(self.subject));
        if scopes.contains(&"profile") {
            claims.insert("name".to_owned(), json!(self.name));
        }
        if scopes.contains(&"email") {
            claims.insert("email".to_owned(), json!(self.email));
            claims.insert("email_verified".to_owned(), json!(true));
        }
        if scopes.contains(&"aarc") {
            let further = self.claims.iter().filter(|(name, _)| *name != "acr");
            claims.extend(further.map(|(name, value)| (name.clone(), value.clone())));
        }
        claims
    }
}
