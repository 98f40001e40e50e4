use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, http::StatusCode};
use serde::Deserialize;
use url::Url;

use super::records::Grant;
use super::{Shared, keys, pages};

/// An authorization request (RFC 6749, 4.1.1; RFC 7636, 4.3), and again as the hidden fields of
/// the page: nothing is remembered until somebody has been picked.
#[derive(Deserialize)]
pub(super) struct Asked {
    client_id: String,
    redirect_uri: String,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
    #[serde(default)]
    resource: String,
    /// Only in the form: who was picked; empty for "Refuse".
    #[serde(default)]
    subject: String,
}

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some(callback) = shared.callback(&asked) else {
        return unregistered();
    };
    if let Some(error) = shared.fault(&asked) {
        return shared.refuse(callback, &asked, error);
    }
    let hidden = [
        ("client_id", asked.client_id.as_str()),
        ("redirect_uri", &asked.redirect_uri),
        ("response_type", &asked.response_type),
        ("scope", &asked.scope),
        ("state", &asked.state),
        ("nonce", &asked.nonce),
        ("code_challenge", &asked.code_challenge),
        ("code_challenge_method", &asked.code_challenge_method),
        ("resource", &asked.resource),
    ];
    pages::choose(
        "Who are you?",
        "/authorize",
        &shared.config.persons,
        &hidden,
    )
}

pub(super) async fn choose(
    State(shared): State<Arc<Shared>>,
    Form(asked): Form<Asked>,
) -> Response {
    let Some(callback) = shared.callback(&asked) else {
        return unregistered();
    };
    if let Some(error) = shared.fault(&asked) {
        return shared.refuse(callback, &asked, error);
    }
    if shared.person(&asked.subject).is_none() {
        return shared.refuse(callback, &asked, "access_denied");
    }
    match shared.new_code(&asked) {
        Some(code) => shared.go(callback, &asked, ("code", &code)),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Told to the person, never redirected: the address is a stranger's.
fn unregistered() -> Response {
    pages::refused("This client or its callback address is not registered here.")
}

impl Shared {
    fn callback(&self, asked: &Asked) -> Option<Url> {
        let registered = &self.config.portal_callbacks;
        let known = registered
            .iter()
            .find(|url| url.as_str() == asked.redirect_uri);
        known
            .filter(|_| asked.client_id == self.config.portal_client)
            .cloned()
    }

    fn fault(&self, asked: &Asked) -> Option<&'static str> {
        if asked.response_type != "code" {
            return Some("unsupported_response_type");
        }
        if asked.code_challenge_method != "S256" || asked.code_challenge.len() != 43 {
            return Some("invalid_request");
        }
        if !asked.scope.split(' ').any(|scope| scope == "openid") {
            return Some("invalid_scope");
        }
        let foreign = !asked.resource.is_empty() && asked.resource != self.config.audience;
        foreign.then_some("invalid_target")
    }

    fn new_code(&self, asked: &Asked) -> Option<String> {
        let now = self.now();
        let grant = Grant {
            client: asked.client_id.clone(),
            subject: asked.subject.clone(),
            scope: asked.scope.clone(),
            nonce: (!asked.nonce.is_empty()).then(|| asked.nonce.clone()),
            session: keys::secret_text()?,
            signed_in_at: now,
        };
        self.records
            .add_code(grant, &asked.redirect_uri, &asked.code_challenge, now)
    }

    fn refuse(&self, callback: Url, asked: &Asked, error: &str) -> Response {
        self.go(callback, asked, ("error", error))
    }

    fn go(&self, mut callback: Url, asked: &Asked, (name, value): (&str, &str)) -> Response {
        callback
            .query_pairs_mut()
            .append_pair(name, value)
            .append_pair("state", &asked.state)
            .append_pair("iss", &self.issuer);
        Redirect::to(callback.as_str()).into_response()
    }
}
