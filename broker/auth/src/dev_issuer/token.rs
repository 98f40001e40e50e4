use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::records::{Grant, Poll};
use super::{DevPerson, Shared, keys};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Said in the access token too, as research identities do; name and address are for userinfo.
const IN_ACCESS_TOKEN: [&str; 5] = [
    "voperson_id",
    "eduperson_entitlement",
    "entitlements",
    "eduperson_assurance",
    "acr",
];

#[derive(Deserialize)]
pub(super) struct Asked {
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    device_code: String,
    #[serde(default)]
    refresh_token: String,
}

/// What somebody agreed to, and the family of refresh tokens it belongs to.
type Granted = (Grant, Option<String>);

pub(super) async fn token(State(shared): State<Arc<Shared>>, Form(asked): Form<Asked>) -> Response {
    if !shared.knows_client(&asked.client_id) {
        return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let granted = match asked.grant_type.as_str() {
        "authorization_code" => shared.by_code(&asked),
        DEVICE_CODE => shared.by_device(&asked),
        "refresh_token" => shared.by_refresh(&asked),
        _ => Err("unsupported_grant_type"),
    };
    let (grant, family) = match granted {
        Ok(granted) => granted,
        Err(code) => return oauth_error(StatusCode::BAD_REQUEST, code),
    };
    match shared.issue(grant, family) {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// RFC 6749, 5.2.
pub(super) fn oauth_error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": code }))).into_response()
}

impl Shared {
    fn by_code(&self, asked: &Asked) -> Result<Granted, &'static str> {
        let code = self
            .records
            .take_code(&asked.code, self.now())
            .ok_or("invalid_grant")?;
        let proven = keys::s256(&asked.code_verifier) == code.challenge;
        if !proven || code.callback != asked.redirect_uri || code.grant.client != asked.client_id {
            return Err("invalid_grant");
        }
        Ok((code.grant, None))
    }

    fn by_device(&self, asked: &Asked) -> Result<Granted, &'static str> {
        match self
            .records
            .poll(&asked.device_code, &asked.client_id, self.now())
        {
            Poll::Granted(grant) => Ok((*grant, None)),
            Poll::Refused(code) => Err(code),
        }
    }

    fn by_refresh(&self, asked: &Asked) -> Result<Granted, &'static str> {
        let used = self
            .records
            .use_refresh(&asked.refresh_token, &asked.client_id, self.now());
        let (grant, family) = used.ok_or("invalid_grant")?;
        Ok((
            Grant {
                nonce: None,
                ..grant
            },
            Some(family),
        ))
    }

    fn issue(&self, grant: Grant, family: Option<String>) -> Option<Value> {
        let person = self.person(&grant.subject)?;
        let access_token = self
            .key
            .sign("at+jwt", &self.access_claims(&grant, person)?)?;
        let mut answer = Map::new();
        answer.insert("access_token".to_owned(), json!(access_token));
        answer.insert("token_type".to_owned(), json!("Bearer"));
        answer.insert(
            "expires_in".to_owned(),
            json!(self.config.access_token_seconds),
        );
        answer.insert("scope".to_owned(), json!(grant.scope));
        if grant.has("openid") {
            let id_token = self.key.sign("JWT", &self.id_claims(&grant, person))?;
            answer.insert("id_token".to_owned(), json!(id_token));
        }
        if grant.has("offline_access") {
            let refresh = self.records.add_refresh(grant, family, self.now())?;
            answer.insert("refresh_token".to_owned(), json!(refresh));
        }
        Some(Value::Object(answer))
    }

    fn access_claims(&self, grant: &Grant, person: &DevPerson) -> Option<Map<String, Value>> {
        let mut claims = self.common_claims(grant);
        claims.insert("aud".to_owned(), json!(self.config.audience));
        claims.insert("client_id".to_owned(), json!(grant.client));
        claims.insert("scope".to_owned(), json!(grant.scope));
        claims.insert("jti".to_owned(), json!(keys::secret_text()?));
        let said = IN_ACCESS_TOKEN
            .iter()
            .filter_map(|name| person.claims.get_key_value(*name));
        claims.extend(said.map(|(name, value)| (name.clone(), value.clone())));
        Some(claims)
    }

    /// As little as `MyAccessID` says: who and how; the rest is for userinfo.
    fn id_claims(&self, grant: &Grant, person: &DevPerson) -> Map<String, Value> {
        let mut claims = self.common_claims(grant);
        claims.insert("aud".to_owned(), json!(grant.client));
        claims.insert("sid".to_owned(), json!(grant.session));
        if let Some(nonce) = &grant.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        if let Some(acr) = person.claims.get("acr") {
            claims.insert("acr".to_owned(), acr.clone());
        }
        claims
    }

    fn common_claims(&self, grant: &Grant) -> Map<String, Value> {
        let now = self.now();
        let expires = now + i64::from(self.config.access_token_seconds);
        let claims = [
            ("iss", json!(self.issuer)),
            ("sub", json!(grant.subject)),
            ("iat", json!(now)),
            ("exp", json!(expires)),
            ("auth_time", json!(grant.signed_in_at)),
        ];
        claims
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

impl Grant {
    fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|own| own == scope)
    }
}
