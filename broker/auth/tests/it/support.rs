use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig, DevPerson};
use broker_auth::{Authenticator, IssuerConfig};
use broker_model::{Clock, ManualClock, SystemClock};
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

pub(crate) const AUDIENCE: &str = "urn:alcyone:api";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:18080/callback";

/// A start of time at which tokens are made, far from the machine's own.
pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2030-01-01T00:00:00Z".parse().unwrap()))
}

/// A clock that starts with the machine's and is then moved by the test.
pub(crate) fn movable_clock() -> Arc<ManualClock> {
    let now: Timestamp = SystemClock.now();
    Arc::new(ManualClock::at(now))
}

pub(crate) fn authenticator(config: IssuerConfig, clock: Arc<dyn Clock>) -> Authenticator {
    Authenticator::new(vec![config], clock).unwrap()
}

pub(crate) fn person(subject: &str) -> DevPerson {
    let claims = json!({
        "voperson_id": format!("{subject}@aai.example"),
        "schac_home_organization": "startup.example",
        "eduperson_entitlement": ["urn:geant:example.org:group:hpc:role=member#aai.example"],
        "eduperson_assurance": ["https://refeds.org/assurance/IAP/medium"],
        "acr": "https://refeds.org/profile/mfa",
    });
    DevPerson {
        subject: subject.to_owned(),
        name: format!("{subject} <Example>"),
        email: format!("{subject}@startup.example"),
        claims: claims.as_object().unwrap().clone(),
    }
}

pub(crate) async fn dev_issuer(clock: Arc<dyn Clock>) -> DevIssuer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = DevIssuerConfig::new(AUDIENCE, vec![person("ada"), person("bo")]);
    config.portal_callbacks = vec![Url::parse(CALLBACK).unwrap()];
    DevIssuer::start(listener, config, clock).unwrap()
}

/// One request of the device flow at the development issuer.
pub(crate) async fn post(url: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let answer = Client::new().post(url).form(form).send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or(Value::Null),
    )
}

pub(crate) async fn begin_device(issuer: &DevIssuer, scope: &str) -> Value {
    let form = [
        ("client_id", "alcyone-cli"),
        ("scope", scope),
        ("resource", AUDIENCE),
    ];
    let (status, begun) = post(&format!("{}/device_authorization", issuer.issuer()), &form).await;
    assert_eq!(status, 200);
    begun
}

pub(crate) async fn poll_device(issuer: &DevIssuer, device_code: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "alcyone-cli"),
        ("device_code", device_code),
    ];
    post(&format!("{}/token", issuer.issuer()), &form).await
}

/// The whole device flow; returns the token response.
pub(crate) async fn device_sign_in(issuer: &DevIssuer, subject: &str) -> Value {
    let scope = "openid profile email aarc offline_access";
    let begun = begin_device(issuer, scope).await;
    issuer
        .approve_device(text(&begun, "user_code"), subject)
        .await
        .unwrap();
    let (status, tokens) = poll_device(issuer, text(&begun, "device_code")).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no `{name}` in the answer"))
}

/// The same token with another header, its payload and signature as they were.
pub(crate) fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The same token with one claim changed.
pub(crate) fn with_claim(token: &str, name: &str, value: Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut claims: Value = serde_json::from_slice(&payload).unwrap();
    claims[name] = value;
    format!(
        "{}.{}.{}",
        parts[0],
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        parts[2]
    )
}
