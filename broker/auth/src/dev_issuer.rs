//! A small OpenID provider for `demo`: no passwords, people are picked from a list.
//!
//! It speaks the real protocols over real HTTP, so the demo signs in exactly as production does.
//! It must never be reachable by others: it starts on loopback only, answers only requests that
//! name it by its own address, and refuses to exist beside a public URL.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Router, middleware};
use broker_model::Clock;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use crate::config::is_loopback;
use crate::{DeviceClient, IssuerConfig, PortalClient};

mod authorize;
mod device;
mod discovery;
mod fence;
mod keys;
mod pages;
mod records;
mod session;
mod token;

use keys::SigningKey;
use records::Records;

/// Somebody who can be picked on the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevPerson {
    pub subject: String,
    pub name: String,
    pub email: String,
    /// Further claims: `eduperson_entitlement`, `schac_home_organization`, `acr` …
    pub claims: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub struct DevIssuerConfig {
    /// The `aud` of its access tokens.
    pub audience: String,
    pub portal_client: String,
    /// Compared to the letter, as RFC 9700 asks.
    pub portal_callbacks: Vec<Url>,
    pub device_client: String,
    pub persons: Vec<DevPerson>,
    pub access_token_seconds: u32,
    /// How often a device may poll (RFC 8628 `interval`).
    pub poll_seconds: u32,
    /// Where the broker is reached. Anything but this machine forbids this issuer.
    pub public_url: Option<Url>,
}

impl DevIssuerConfig {
    pub fn new(audience: impl Into<String>, persons: Vec<DevPerson>) -> Self {
        Self {
            audience: audience.into(),
            portal_client: "alcyone-portal".to_owned(),
            portal_callbacks: Vec::new(),
            device_client: "alcyone-cli".to_owned(),
            persons,
            access_token_seconds: 900,
            poll_seconds: 1,
            public_url: None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DevIssuerError {
    #[error(
        "the development issuer lets anybody in and was to listen on {0}; bind it to 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "the development issuer lets anybody in and the broker has the public URL {0}; configure a real issuer"
    )]
    PublicUrl(Url),
    #[error("the listener of the development issuer has no address")]
    NoAddress { source: std::io::Error },
    #[error("no signing key could be made")]
    NoKey,
    #[error("the user code `{0}` is unknown or has expired")]
    UnknownUserCode(String),
    #[error("the development issuer does not answer")]
    Unreachable { source: reqwest::Error },
}

/// The running issuer. Dropping it stops it.
pub struct DevIssuer {
    shared: Arc<Shared>,
    /// Dropped with the rest, which tells the server to stop.
    _running: oneshot::Sender<()>,
}

/// What every page and endpoint sees.
struct Shared {
    issuer: String,
    config: DevIssuerConfig,
    clock: Arc<dyn Clock>,
    key: SigningKey,
    records: Records,
}

impl DevIssuer {
    /// Serves on the listener, whose address becomes the issuer's name.
    pub fn start(
        listener: TcpListener,
        config: DevIssuerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DevIssuerError> {
        let address = listener
            .local_addr()
            .map_err(|source| DevIssuerError::NoAddress { source })?;
        if !address.ip().is_loopback() {
            return Err(DevIssuerError::NotLoopback(address));
        }
        if let Some(url) = config.public_url.as_ref().filter(|url| !is_loopback(url)) {
            return Err(DevIssuerError::PublicUrl(url.clone()));
        }
        let shared = Arc::new(Shared {
            issuer: format!("http://{address}"),
            key: SigningKey::generate().ok_or(DevIssuerError::NoKey)?,
            records: Records::default(),
            config,
            clock,
        });
        let router = router(Arc::clone(&shared));
        let (running, dropped) = oneshot::channel::<()>();
        let stop = async {
            let _ = dropped.await;
        };
        tokio::spawn(async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(stop);
            if let Err(error) = server.await {
                tracing::error!(%error, "the development issuer stopped");
            }
        });
        Ok(Self {
            shared,
            _running: running,
        })
    }

    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// The pages and endpoints, to be served elsewhere under the same address.
    pub fn router(&self) -> Router {
        router(Arc::clone(&self.shared))
    }

    /// How a broker is told of this issuer.
    pub fn issuer_config(&self) -> IssuerConfig {
        let config = &self.shared.config;
        let mut issuer = IssuerConfig::new(self.issuer(), config.audience.clone());
        issuer.name = Some("Development issuer".to_owned());
        issuer.resource = Some(config.audience.clone());
        issuer.portal = Some(PortalClient::public(config.portal_client.clone()));
        issuer.device = Some(DeviceClient::new(config.device_client.clone()));
        issuer
    }

    /// Plays the browser's part of a device sign-in: sends the form that a person would.
    pub async fn approve_device(
        &self,
        user_code: &str,
        subject: &str,
    ) -> Result<(), DevIssuerError> {
        approve_device(self.issuer(), user_code, subject).await
    }
}

impl fmt::Debug for DevIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DevIssuer").field(&self.issuer()).finish()
    }
}

/// Sends the form of the `/device` page at a development issuer in the name of `subject`.
pub async fn approve_device(
    issuer: &str,
    user_code: &str,
    subject: &str,
) -> Result<(), DevIssuerError> {
    let form = [("user_code", user_code), ("subject", subject)];
    let request = reqwest::Client::new()
        .post(format!("{issuer}/device"))
        .form(&form);
    let sent = request.send().await;
    let response = sent.map_err(|source| DevIssuerError::Unreachable { source })?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(DevIssuerError::UnknownUserCode(user_code.to_owned()))
}

impl Shared {
    fn person(&self, subject: &str) -> Option<&DevPerson> {
        self.config
            .persons
            .iter()
            .find(|person| person.subject == subject)
    }

    /// Seconds since 1970, as tokens and records count.
    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    fn knows_client(&self, client: &str) -> bool {
        client == self.config.portal_client || client == self.config.device_client
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(discovery::metadata),
        )
        .route("/jwks", get(discovery::keys))
        .route("/authorize", get(authorize::page).post(authorize::choose))
        .route("/device_authorization", post(device::begin))
        .route("/device", get(device::page).post(device::choose))
        .route("/token", post(token::token))
        .route("/userinfo", get(session::userinfo).post(session::userinfo))
        .route("/end_session", get(session::end))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            fence::own_address_only,
        ))
        .with_state(shared)
}
