use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;

use super::token::oauth_error;
use super::{Shared, pages};

#[derive(Deserialize)]
pub(super) struct Begin {
    client_id: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    resource: String,
}

#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    user_code: String,
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    user_code: String,
    /// Empty for "Refuse".
    #[serde(default)]
    subject: String,
}

/// RFC 8628, 3.1.
pub(super) async fn begin(State(shared): State<Arc<Shared>>, Form(asked): Form<Begin>) -> Response {
    if asked.client_id != shared.config.device_client {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if !asked.resource.is_empty() && asked.resource != shared.config.audience {
        return oauth_error(StatusCode::BAD_REQUEST, "invalid_target");
    }
    let interval = shared.config.poll_seconds;
    let added = shared
        .records
        .add_device(&asked.client_id, &asked.scope, interval, shared.now());
    let Some((device_code, user_code, expires_in)) = added else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = format!("{}/device", shared.issuer);
    Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": expires_in,
        "interval": interval,
    }))
    .into_response()
}

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Query(typed): Query<Typed>,
) -> Response {
    if typed.user_code.is_empty() {
        return pages::ask_user_code();
    }
    if !shared.records.awaits(&typed.user_code, shared.now()) {
        return pages::refused("This code is unknown or has expired.");
    }
    let title = format!("Sign in the device that shows {}", typed.user_code);
    let hidden = [("user_code", typed.user_code.as_str())];
    pages::choose(&title, "/device", &shared.config.persons, &hidden)
}

pub(super) async fn choose(
    State(shared): State<Arc<Shared>>,
    Form(chosen): Form<Chosen>,
) -> Response {
    let person = match chosen.subject.as_str() {
        "" => None,
        subject if shared.person(subject).is_some() => Some(subject),
        _ => return pages::refused("This person is not on the list."),
    };
    if !shared
        .records
        .choose(&chosen.user_code, person, shared.now())
    {
        return pages::refused("This code is unknown or has expired.");
    }
    match person {
        Some(_) => pages::said("Signed in", "You may close this window."),
        None => pages::said("Refused", "The device was not signed in."),
    }
}
