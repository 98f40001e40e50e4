use std::fmt;
use std::path::PathBuf;
use std::sync::RwLock;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use site_adapter::{BrokerLink, LeaseReply, LeaseRequest, LinkError, Report, ReportReply};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct HttpLinkConfig {
    /// The broker's address; paths are added to it.
    pub broker: Url,
    /// Holds the agent's token; read again when the broker no longer accepts the old one.
    pub token_file: PathBuf,
    /// PEM; trusted beside the system's own authorities.
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpLinkError {
    #[error("cannot read `{path}`; it must exist and be readable by the agent")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` is empty; put the agent's token into it")]
    EmptyToken { path: PathBuf },
    #[error("`{path}` holds no certificate in PEM form")]
    BadCertificate {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error(
        "the broker's address `{0}` is neither `https` nor a loopback address; a token must not \
         travel in the clear"
    )]
    Insecure(Url),
    #[error("the HTTPS client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// Speaks with the broker over HTTPS (`/agent/v1`); `HTTPS_PROXY` and `NO_PROXY` are honoured.
pub struct HttpLink {
    client: Client,
    lease_url: String,
    report_url: String,
    token_file: PathBuf,
    token: RwLock<String>,
}

impl fmt::Debug for HttpLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLink")
            .field("lease_url", &self.lease_url)
            .finish_non_exhaustive()
    }
}

impl HttpLink {
    pub fn new(config: &HttpLinkConfig) -> Result<Self, HttpLinkError> {
        if !is_safe(&config.broker) {
            return Err(HttpLinkError::Insecure(config.broker.clone()));
        }
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("alcyone-agent/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &config.ca_file {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        let base = config.broker.as_str().trim_end_matches('/');
        Ok(Self {
            client: builder.build().map_err(HttpLinkError::Client)?,
            lease_url: format!("{base}/agent/v1/lease"),
            report_url: format!("{base}/agent/v1/report"),
            token: RwLock::new(read_token(&config.token_file)?),
            token_file: config.token_file.clone(),
        })
    }

    async fn post<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        url: &str,
        message: &Q,
        timeout: Duration,
    ) -> Result<A, LinkError> {
        let response = self.send(url, message, timeout).await?;
        let response = if response.status() == StatusCode::UNAUTHORIZED && self.reread_token() {
            self.send(url, message, timeout).await?
        } else {
            response
        };
        let status = response.status();
        let body = response.bytes().await.map_err(|e| unreachable(&e))?;
        if !status.is_success() {
            return Err(refusal(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            LinkError::Unreachable(format!("the answer of {url} is not the broker's: {error}"))
        })
    }

    async fn send<Q: Serialize + Sync>(
        &self,
        url: &str,
        message: &Q,
        timeout: Duration,
    ) -> Result<reqwest::Response, LinkError> {
        let token = self
            .token
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        self.client
            .post(url)
            .bearer_auth(token)
            .timeout(timeout)
            .json(message)
            .send()
            .await
            .map_err(|error| unreachable(&error))
    }

    /// Returns whether the file holds another token than before.
    fn reread_token(&self) -> bool {
        let Ok(fresh) = read_token(&self.token_file) else {
            return false;
        };
        let mut token = self
            .token
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let changed = *token != fresh;
        *token = fresh;
        changed
    }
}

#[async_trait]
impl BrokerLink for HttpLink {
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError> {
        let wait = Duration::from_secs(u64::from(request.wait_seconds));
        self.post(&self.lease_url, &request, wait + ANSWER_TIMEOUT)
            .await
    }

    async fn report(&self, report: Report) -> Result<ReportReply, LinkError> {
        self.post(&self.report_url, &report, ANSWER_TIMEOUT).await
    }
}

pub(crate) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

fn certificates(path: &PathBuf) -> Result<Vec<reqwest::Certificate>, HttpLinkError> {
    let pem = std::fs::read(path).map_err(|source| HttpLinkError::Unreadable {
        path: path.clone(),
        source,
    })?;
    reqwest::Certificate::from_pem_bundle(&pem).map_err(|source| HttpLinkError::BadCertificate {
        path: path.clone(),
        source,
    })
}

fn read_token(path: &PathBuf) -> Result<String, HttpLinkError> {
    let text = std::fs::read_to_string(path).map_err(|source| HttpLinkError::Unreadable {
        path: path.clone(),
        source,
    })?;
    let token = text.trim();
    if token.is_empty() {
        return Err(HttpLinkError::EmptyToken { path: path.clone() });
    }
    Ok(token.to_owned())
}

/// The whole chain: reqwest's own words are only "error sending request".
fn unreachable(error: &reqwest::Error) -> LinkError {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    LinkError::Unreachable(words)
}

/// The broker says why in a problem document (RFC 9457).
fn refusal(status: StatusCode, body: &[u8]) -> LinkError {
    let detail = serde_json::from_slice::<serde_json::Value>(body)
        .ok()
        .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned))
        .unwrap_or_default();
    let words = format!("{status} {detail}").trim_end().to_owned();
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => LinkError::Unauthorized(words),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => LinkError::Refused(words),
        _ => LinkError::Unreachable(words),
    }
}
