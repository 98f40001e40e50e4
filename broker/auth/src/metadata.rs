use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::is_safe;
use crate::http::Http;
use crate::{AuthError, Endpoint};

/// What an issuer says of itself (OpenID Connect Discovery 1.0, RFC 8414): the part used here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerMetadata {
    pub issuer: String,
    pub jwks_uri: Url,
    #[serde(default)]
    pub authorization_endpoint: Option<Url>,
    #[serde(default)]
    pub token_endpoint: Option<Url>,
    #[serde(default)]
    pub userinfo_endpoint: Option<Url>,
    #[serde(default)]
    pub introspection_endpoint: Option<Url>,
    #[serde(default)]
    pub device_authorization_endpoint: Option<Url>,
    #[serde(default)]
    pub end_session_endpoint: Option<Url>,
    #[serde(default)]
    pub revocation_endpoint: Option<Url>,
    /// Its answers name the issuer (RFC 9207); one that does not is then refused.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl IssuerMetadata {
    pub(crate) async fn discover(http: &Http, issuer: &str) -> Result<Self, AuthError> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let found: Self = http
            .json(Endpoint::Discovery, http.client().get(url))
            .await?;
        found.check(http, issuer)?;
        Ok(found)
    }

    pub(crate) fn check(&self, http: &Http, issuer: &str) -> Result<(), AuthError> {
        let refuse = |reason| Err(http.unusable(Endpoint::Discovery, reason));
        if self.issuer != issuer {
            return refuse("it names another issuer");
        }
        let endpoints = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.userinfo_endpoint,
            &self.introspection_endpoint,
            &self.device_authorization_endpoint,
            &self.end_session_endpoint,
            &self.revocation_endpoint,
        ];
        if !is_safe(&self.jwks_uri) || endpoints.into_iter().flatten().any(|url| !is_safe(url)) {
            return refuse("it names an endpoint without TLS");
        }
        Ok(())
    }
}
