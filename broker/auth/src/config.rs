use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Secret;

mod clients;
mod error;
mod parts;
mod roles;
#[cfg(test)]
mod tests;

pub use clients::{DeviceClient, IntrospectionClient, PortalClient};
pub use error::ConfigError;
pub use parts::{ClaimMap, Limits, SigningAlgorithm};
pub use roles::{MappedRole, RoleMapping};

/// One OpenID provider whose word the broker takes, and how its tokens are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The `iss` of its tokens, to the letter.
    pub issuer: String,
    /// What people are shown on the sign-in page; without it the host of the issuer.
    #[serde(default)]
    pub name: Option<String>,
    /// An access token must be meant for one of these (`aud`).
    pub audiences: Vec<String>,
    /// What a client asks the issuer to aim its token at (RFC 8707 `resource`).
    #[serde(default)]
    pub resource: Option<String>,
    #[serde(default = "parts::algorithms")]
    pub algorithms: Vec<SigningAlgorithm>,
    /// The `typ` of access tokens. RFC 9068 says `at+jwt`; some issuers still write `JWT`, which
    /// an ID token may be too: then no audience may be the id of a client.
    #[serde(default = "parts::access_token_types")]
    pub access_token_types: Vec<String>,
    /// How far the issuer's clock and ours may lie apart.
    #[serde(default = "parts::leeway_seconds")]
    pub leeway_seconds: u32,
    /// `MyAccessID` ids compare without case; they are kept in lower case.
    #[serde(default)]
    pub subject_case_insensitive: bool,
    /// What stands after the last `@` of every subject.
    #[serde(default)]
    pub subject_scope: Option<String>,
    /// Test accounts that must never get resources.
    #[serde(default)]
    pub refused_subjects: Vec<String>,
    #[serde(default)]
    pub claims: ClaimMap,
    #[serde(default)]
    pub portal: Option<PortalClient>,
    #[serde(default)]
    pub device: Option<DeviceClient>,
    #[serde(default)]
    pub introspection: Option<IntrospectionClient>,
    /// Which of its entitlements mean which role here.
    #[serde(default)]
    pub roles: Vec<RoleMapping>,
    #[serde(default)]
    pub limits: Limits,
}

impl IssuerConfig {
    /// An issuer with the defaults of the file, for programs that write no file.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            name: None,
            audiences: vec![audience.into()],
            resource: None,
            algorithms: parts::algorithms(),
            access_token_types: parts::access_token_types(),
            leeway_seconds: parts::leeway_seconds(),
            subject_case_insensitive: false,
            subject_scope: None,
            refused_subjects: Vec::new(),
            claims: ClaimMap::default(),
            portal: None,
            device: None,
            introspection: None,
            roles: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// What people are shown.
    pub fn display_name(&self) -> &str {
        let host = || self.issuer.split("://").nth(1).unwrap_or(&self.issuer);
        self.name.as_deref().unwrap_or_else(host)
    }

    /// A subject as it is kept and compared.
    pub fn fold_subject(&self, subject: &str) -> String {
        if self.subject_case_insensitive {
            return subject.to_lowercase();
        }
        subject.to_owned()
    }

    /// Checks what serde cannot: addresses, contradictions, secrets that can be read.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.check_issuer()?;
        self.check_tokens()?;
        self.limits.validate(&self.issuer)?;
        for mapping in &self.roles {
            mapping.validate(&self.issuer)?;
        }
        self.portal_secret()?;
        self.introspection_secret()?;
        Ok(())
    }

    pub(crate) fn portal_secret(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(portal) = &self.portal else {
            return Ok(None);
        };
        Secret::load(
            portal.client_secret_file.as_deref(),
            portal.client_secret_env.as_deref(),
        )
    }

    pub(crate) fn introspection_secret(&self) -> Result<Option<Secret>, ConfigError> {
        let Some(client) = &self.introspection else {
            return Ok(None);
        };
        let secret = Secret::load(
            client.client_secret_file.as_deref(),
            client.client_secret_env.as_deref(),
        )?;
        secret
            .map(Some)
            .ok_or_else(|| ConfigError::IntrospectionWithoutSecret {
                issuer: self.issuer.clone(),
            })
    }

    /// Whether an opaque token given to this client is meant for us.
    pub(crate) fn is_own_client(&self, client_id: &str) -> bool {
        let own = |id: &String| id == client_id;
        self.portal.as_ref().is_some_and(|p| own(&p.client_id))
            || self.device.as_ref().is_some_and(|d| own(&d.client_id))
            || self
                .introspection
                .as_ref()
                .is_some_and(|i| i.accepted_clients.iter().any(own))
    }

    fn check_issuer(&self) -> Result<(), ConfigError> {
        let url = Url::parse(&self.issuer).map_err(|source| ConfigError::NotAUrl {
            issuer: self.issuer.clone(),
            source,
        })?;
        if !is_safe(&url) {
            return Err(ConfigError::InsecureIssuer {
                issuer: self.issuer.clone(),
            });
        }
        Ok(())
    }

    fn check_tokens(&self) -> Result<(), ConfigError> {
        let missing = |key| ConfigError::EmptyList {
            issuer: self.issuer.clone(),
            key,
        };
        if self.audiences.is_empty() {
            return Err(missing("audiences"));
        }
        if self.algorithms.is_empty() {
            return Err(missing("algorithms"));
        }
        if self.access_token_types.is_empty() {
            return Err(missing("access_token_types"));
        }
        if self.leeway_seconds > parts::MAX_LEEWAY_SECONDS {
            return Err(ConfigError::LeewayTooLong {
                issuer: self.issuer.clone(),
                given: self.leeway_seconds,
                most: parts::MAX_LEEWAY_SECONDS,
            });
        }
        self.check_untyped_tokens()
    }

    /// With untyped access tokens only the audience keeps an ID token from passing for one.
    fn check_untyped_tokens(&self) -> Result<(), ConfigError> {
        let untyped = self
            .access_token_types
            .iter()
            .any(|t| t.eq_ignore_ascii_case("jwt"));
        match self.audiences.iter().find(|a| self.is_own_client(a)) {
            Some(audience) if untyped => Err(ConfigError::AudienceIsClient {
                issuer: self.issuer.clone(),
                audience: audience.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Credentials travel to this address: TLS, or this very machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
