//! Opaque tokens: the issuer is asked what they are (RFC 7662).

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::issuer::Issuer;
use crate::jwt;
use crate::{AuthError, Endpoint, IssuerConfig};

/// An opaque token without an expiry is asked about again after this long.
const UNDATED_SECONDS: i64 = 30;

/// What an issuer says of a token that it stands by.
pub(crate) struct Introspected {
    /// With an expiry of ours where the issuer names none.
    pub(crate) claims: Claims,
    /// The issuer's own.
    pub(crate) expires: Option<Timestamp>,
}

impl Issuer {
    /// Asks this issuer about an opaque token.
    pub(crate) async fn introspect(&self, token: &str) -> Result<Introspected, AuthError> {
        let (Some(client), Some(secret)) = (&self.config.introspection, &self.introspection_secret)
        else {
            return Err(AuthError::OpaqueNotAccepted);
        };
        let metadata = self.metadata().await?;
        let endpoint = Endpoint::Introspection;
        let Some(url) = metadata.introspection_endpoint.clone() else {
            return Err(self.not_offered(endpoint));
        };
        let request = self
            .http
            .client()
            .post(url)
            .basic_auth(
                form_encoded(&client.client_id),
                Some(form_encoded(secret.reveal())),
            )
            .form(&[("token", token), ("token_type_hint", "access_token")]);
        let answer: Map<String, Value> = self.http.json(endpoint, request).await?;
        let claims = Claims::new(answer);
        let expires = claims.time("exp");
        let claims = with_expiry(claims, self.clock.now());
        check(&claims, &self.config, self.clock.now())?;
        Ok(Introspected { claims, expires })
    }
}

pub(crate) fn check(
    claims: &Claims,
    config: &IssuerConfig,
    now: Timestamp,
) -> Result<(), AuthError> {
    if claims.value("active") != Some(&Value::Bool(true)) {
        return Err(AuthError::Inactive);
    }
    if claims
        .text("iss")
        .is_some_and(|issuer| issuer != config.issuer)
    {
        return Err(AuthError::UnknownIssuer);
    }
    let bearer = match claims.text("token_type") {
        Some(kind) => kind.eq_ignore_ascii_case("bearer"),
        None => !config
            .introspection
            .as_ref()
            .is_some_and(|client| client.require_token_type),
    };
    if !bearer {
        return Err(AuthError::NotAnAccessToken);
    }
    check_audience(claims, config)?;
    jwt::check_times(claims, config, now)
}

/// A token made for another service is active too; whoever holds it there must not use it here.
fn check_audience(claims: &Claims, config: &IssuerConfig) -> Result<(), AuthError> {
    let own_audience = claims
        .texts("aud")
        .any(|aud| config.audiences.iter().any(|own| own == aud));
    let own_client = || {
        claims
            .text("client_id")
            .is_some_and(|id| config.is_own_client(id))
    };
    if own_audience || (!claims.has("aud") && own_client()) {
        return Ok(());
    }
    Err(AuthError::WrongAudience)
}

pub(crate) fn with_expiry(claims: Claims, now: Timestamp) -> Claims {
    let until = now.as_second().saturating_add(UNDATED_SECONDS);
    claims.or_set("exp", Value::from(until))
}

/// RFC 6749, 2.3.1: id and secret are form-encoded before they go into Basic.
fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::DeviceClient;

    fn judged(answer: Value) -> Result<(), AuthError> {
        let mut config = IssuerConfig::new("https://x.eu", "urn:a");
        config.device = Some(DeviceClient::new("cli"));
        let Value::Object(answer) = answer else {
            panic!("no object")
        };
        check(
            &Claims::new(answer),
            &config,
            Timestamp::from_second(1000).unwrap(),
        )
    }

    #[test]
    fn active_alone_is_not_enough() {
        judged(json!({ "active": true, "client_id": "cli", "exp": 2000 })).unwrap();
        judged(json!({ "active": true, "aud": ["urn:a"], "client_id": "x", "exp": 2000 })).unwrap();
        let refused = |answer| judged(answer).unwrap_err().code();
        assert_eq!(refused(json!({})), "inactive");
        assert_eq!(
            refused(json!({ "active": "true", "client_id": "cli", "exp": 2000 })),
            "inactive"
        );
        assert_eq!(
            refused(json!({ "active": true, "client_id": "stranger", "exp": 2000 })),
            "wrong_audience"
        );
        assert_eq!(
            refused(json!({ "active": true, "aud": "urn:b", "client_id": "cli", "exp": 2000 })),
            "wrong_audience"
        );
        assert_eq!(
            refused(json!({ "active": true, "client_id": "cli", "exp": 900 })),
            "expired"
        );
        assert_eq!(
            refused(
                json!({ "active": true, "client_id": "cli", "iss": "https://y.eu", "exp": 2000 })
            ),
            "unknown_issuer"
        );
        assert_eq!(
            refused(
                json!({ "active": true, "client_id": "cli", "exp": 2000, "token_type": "refresh_token" })
            ),
            "not_an_access_token"
        );
    }

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        assert_eq!(form_encoded("a b:c"), "a+b%3Ac");
    }
}
