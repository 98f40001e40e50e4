use std::path::PathBuf;

use serde::{Deserialize, Serialize};

fn scopes() -> Vec<String> {
    ["openid", "profile", "email", "aarc"]
        .map(str::to_owned)
        .to_vec()
}

/// The portal's registration at the issuer: code flow with PKCE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalClient {
    pub client_id: String,
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// The name of an environment variable. Without file and variable the client is public.
    #[serde(default)]
    pub client_secret_env: Option<String>,
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Asked for in this order; many issuers name the `acr` only when asked.
    #[serde(default)]
    pub acr_values: Vec<String>,
}

impl PortalClient {
    /// A public client with the usual scopes.
    pub fn public(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret_file: None,
            client_secret_env: None,
            scopes: scopes(),
            acr_values: Vec::new(),
        }
    }
}

/// The registration that `alcyone login` uses: a public client with the device grant (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceClient {
    pub client_id: String,
    #[serde(default = "DeviceClient::scopes")]
    pub scopes: Vec<String>,
}

impl DeviceClient {
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            scopes: Self::scopes(),
        }
    }

    fn scopes() -> Vec<String> {
        let mut scopes = scopes();
        scopes.push("offline_access".to_owned());
        scopes
    }
}

/// As whom the broker asks the issuer about opaque tokens (RFC 7662).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionClient {
    pub client_id: String,
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    #[serde(default)]
    pub client_secret_env: Option<String>,
    /// Opaque tokens often carry no audience. One without is taken only if it was given to the
    /// portal, to the device client, or to one of these: a token made for a stranger's service
    /// must not open this one.
    #[serde(default)]
    pub accepted_clients: Vec<String>,
    /// Refuse what the issuer does not call a bearer token: refresh tokens are `active` too, and
    /// `token_type` alone tells them apart. Off only for issuers that never say it.
    #[serde(default = "required")]
    pub require_token_type: bool,
}

fn required() -> bool {
    true
}
