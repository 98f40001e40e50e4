use jsonwebtoken::Algorithm;
use openidconnect::core::CoreJwsSigningAlgorithm;
use serde::{Deserialize, Serialize};

use super::ConfigError;

pub(super) const MAX_LEEWAY_SECONDS: u32 = 300;

pub(super) fn algorithms() -> Vec<SigningAlgorithm> {
    use SigningAlgorithm::{ES256, ES384, EdDSA, PS256, RS256};
    vec![RS256, ES256, EdDSA, PS256, ES384]
}

pub(super) fn access_token_types() -> Vec<String> {
    vec!["at+jwt".to_owned()]
}

pub(super) fn leeway_seconds() -> u32 {
    30
}

/// Signatures that only the issuer can make: `none` and `HS*` cannot even be written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl SigningAlgorithm {
    /// Reads the `alg` of a JWS header; `None` for everything that is not allowed anywhere.
    pub(crate) fn from_header(alg: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(alg.to_owned())).ok()
    }

    pub(crate) fn in_jsonwebtoken(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }

    pub(crate) fn in_openidconnect(self) -> CoreJwsSigningAlgorithm {
        match self {
            Self::RS256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Self::RS384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
            Self::RS512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
            Self::PS256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
            Self::PS384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
            Self::PS512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
            Self::ES256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            Self::ES384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            Self::EdDSA => CoreJwsSigningAlgorithm::EdDsa,
        }
    }
}

/// The names under which this issuer says things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimMap {
    /// `sub`, or `voperson_id` where the community id is another.
    pub subject: String,
    pub name: String,
    pub email: String,
    pub email_verified: String,
    pub home_organisation: String,
    /// `eduperson_entitlement` (AARC-G002) and `entitlements` (RFC 9068): all of them are read.
    pub entitlements: Vec<String>,
    pub assurance: String,
    pub acr: String,
}

impl Default for ClaimMap {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            name: "name".to_owned(),
            email: "email".to_owned(),
            email_verified: "email_verified".to_owned(),
            home_organisation: "schac_home_organization".to_owned(),
            entitlements: vec![
                "eduperson_entitlement".to_owned(),
                "entitlements".to_owned(),
            ],
            assurance: "eduperson_assurance".to_owned(),
            acr: "acr".to_owned(),
        }
    }
}

/// How long what an issuer said is believed, and how often it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Unknown key ids make the broker ask for keys at most this often.
    pub jwks_min_refresh_seconds: u32,
    /// A key taken away at the issuer is believed at most this long.
    pub jwks_max_age_seconds: u32,
    /// A verified token is not looked at again for so long, and never past its expiry.
    pub token_cache_seconds: u32,
    pub token_cache_entries: u64,
    pub userinfo_seconds: u32,
    /// While the issuer cannot be reached, older answers count this much longer.
    pub userinfo_grace_seconds: u32,
    pub connect_timeout_seconds: u32,
    pub request_timeout_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jwks_min_refresh_seconds: 10,
            jwks_max_age_seconds: 600,
            token_cache_seconds: 60,
            token_cache_entries: 20_000,
            userinfo_seconds: 300,
            userinfo_grace_seconds: 3600,
            connect_timeout_seconds: 3,
            request_timeout_seconds: 5,
        }
    }
}

impl Limits {
    pub(super) fn validate(&self, issuer: &str) -> Result<(), ConfigError> {
        let bounds = [
            (
                "jwks_min_refresh_seconds",
                self.jwks_min_refresh_seconds,
                1,
                3600,
            ),
            ("jwks_max_age_seconds", self.jwks_max_age_seconds, 1, 86_400),
            ("token_cache_seconds", self.token_cache_seconds, 0, 300),
            ("userinfo_seconds", self.userinfo_seconds, 0, 3600),
            (
                "userinfo_grace_seconds",
                self.userinfo_grace_seconds,
                0,
                86_400,
            ),
            (
                "connect_timeout_seconds",
                self.connect_timeout_seconds,
                1,
                60,
            ),
            (
                "request_timeout_seconds",
                self.request_timeout_seconds,
                1,
                60,
            ),
        ];
        match bounds
            .into_iter()
            .find(|(_, given, least, most)| !(least..=most).contains(&given))
        {
            None => Ok(()),
            Some((key, given, least, most)) => Err(ConfigError::OutOfRange {
                issuer: issuer.to_owned(),
                key,
                given,
                least,
                most,
            }),
        }
    }
}
