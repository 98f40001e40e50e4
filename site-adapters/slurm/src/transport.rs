//! HTTP to slurmrestd: tokens, the API's version, bounded concurrency, bounded answers.

use std::sync::RwLock;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use site_adapter::{Error, ErrorKind, InvalidSettings};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::answer::{Answer, Body, Effect, quote};
use crate::calls::ping;
use crate::config::{ApiChoice, SlurmSettings};
use crate::dialect::ApiVersion;
use crate::token::{Token, Tokens};

/// `nodes` of 5,000 nodes is 14 MB; ten thousand jobs would be 76 MB.
const MOST_BYTES: usize = 128 * 1024 * 1024;

const CONNECT: Duration = Duration::from_secs(5);

/// One REST call, without version, host and credentials.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) effect: Effect,
    pub(crate) method: Method,
    pub(crate) family: Family,
    /// Below the version: `/job/42`.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// Not sent any more after that.
    pub(crate) begin_by: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Slurm,
    Slurmdb,
}

impl Request {
    pub(crate) fn get(operation: &'static str, family: Family, path: impl Into<String>) -> Self {
        Self {
            operation,
            effect: Effect::Reads,
            method: Method::GET,
            family,
            path: path.into(),
            query: Vec::new(),
            body: None,
            begin_by: None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Transport {
    client: Client,
    base: String,
    choice: ApiChoice,
    found: RwLock<Option<ApiVersion>>,
    tokens: Tokens,
    places: Semaphore,
    reader: String,
}

impl Transport {
    pub(crate) fn new(settings: &SlurmSettings, tokens: Tokens) -> Result<Self, InvalidSettings> {
        Ok(Self {
            client: client(settings)?,
            base: settings.url.as_str().trim_end_matches('/').to_owned(),
            choice: settings.api_version,
            found: RwLock::new(None),
            tokens,
            places: Semaphore::new(settings.concurrent_calls),
            reader: settings.reader.clone(),
        })
    }

    pub(crate) fn reader(&self) -> &str {
        &self.reader
    }

    /// Makes a call as a local user, in the version that the server speaks.
    ///
    /// An unknown path had no effect, so after one the version is asked for anew and the call made
    /// once more: Slurm was upgraded.
    pub(crate) async fn call(
        &self,
        user: &str,
        request: impl Fn(ApiVersion) -> Request,
    ) -> Result<Answer, Error> {
        let version = self.version().await?;
        let answer = self.send(user, version, &request(version)).await?;
        if !answer.is_unknown_path() || self.choice != ApiChoice::Auto {
            return Ok(answer);
        }
        self.remember(None);
        let now = self.version().await?;
        if now == version {
            return Ok(answer);
        }
        self.send(user, now, &request(now)).await
    }

    /// The version in use; asks the server if it is not known yet.
    pub(crate) async fn version(&self) -> Result<ApiVersion, Error> {
        if let ApiChoice::Fixed(version) = self.choice {
            return Ok(version);
        }
        let known = *self
            .found
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match known {
            Some(version) => Ok(version),
            None => self.ask_version().await,
        }
    }

    /// An unknown version is 404 in text; anything else means that the path is there, even while
    /// slurmctld is down.
    async fn ask_version(&self) -> Result<ApiVersion, Error> {
        let ping = Request::get("GET ping", Family::Slurm, "/ping");
        for version in ApiVersion::newest_first() {
            let answer = self.send(&self.reader, version, &ping).await?;
            if matches!(answer.body, Body::Json(_)) {
                self.remember(Some(version));
                let release = ping::release(&answer).map(quote).unwrap_or_default();
                tracing::info!(
                    api.version = %version, slurm.version = release,
                    "slurmrestd speaks this version"
                );
                return Ok(version);
            }
            if !answer.is_unknown_path() {
                answer.check(&[])?;
            }
        }
        Err(Error::new(
            ErrorKind::Protocol,
            "GET ping",
            "the server knows none of v0.0.38 to v0.0.45; is `url` slurmrestd's?",
        ))
    }

    fn remember(&self, version: Option<ApiVersion>) {
        *self
            .found
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = version;
    }

    /// Makes a call for which a path that is not there is an answer.
    pub(crate) async fn send(
        &self,
        user: &str,
        version: ApiVersion,
        request: &Request,
    ) -> Result<Answer, Error> {
        // Made before the wait for a place, so that a slow maker of tokens takes nobody's, and asked
        // for again after it: a token may have run out meanwhile.
        self.tokens.token(user).await?;
        let place = self.places.acquire().await;
        let token = self.tokens.token(user).await?;
        if request.begin_by.is_some_and(|by| Instant::now() > by) {
            return Err(too_late(request));
        }
        let answer = self.exchange(user, &token, version, request).await;
        drop(place);
        if matches!(&answer, Ok(answer) if matches!(answer.status, 401 | 511) || answer.has(1007)) {
            self.tokens.forget(user).await;
        }
        answer
    }

    async fn exchange(
        &self,
        user: &str,
        token: &Token,
        version: ApiVersion,
        request: &Request,
    ) -> Result<Answer, Error> {
        let family = match request.family {
            Family::Slurm => "slurm",
            Family::Slurmdb => "slurmdb",
        };
        let url = format!("{}/{family}/{version}{}", self.base, request.path);
        let mut call = self
            .client
            .request(request.method.clone(), url)
            .header("X-SLURM-USER-NAME", user)
            .header("X-SLURM-USER-TOKEN", token.secret())
            .query(&request.query);
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let lost = |error| broken(request, error);
        let response = call.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        let is_json = says_json(&response);
        let bytes = read(response, request).await?;
        Ok(Answer {
            operation: request.operation,
            effect: request.effect,
            status,
            body: body(&bytes, is_json, status),
        })
    }
}

fn client(settings: &SlurmSettings) -> Result<Client, InvalidSettings> {
    let timeout = Duration::from_secs(settings.timeout_seconds);
    // No redirects and no proxies: tokens go to the address in the settings and nowhere else.
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .tcp_user_timeout(unacknowledged(timeout))
        .pool_idle_timeout(Duration::from_secs(10))
        .timeout(timeout);
    if let Some(path) = &settings.ca_file {
        let remedy = "give a readable PEM file of certificates";
        let pem = std::fs::read(path)
            .map_err(|error| InvalidSettings::new("ca_file", error.to_string(), remedy))?;
        let trusted = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| InvalidSettings::new("ca_file", error.to_string(), remedy))?;
        builder = builder.tls_certs_only(trusted);
    }
    builder
        .build()
        .map_err(|error| InvalidSettings::new("url", error.to_string(), "see the reason"))
}

/// How long the kernel goes on to send what the server's has not acknowledged: to drop a call does not
/// take its bytes back, and they must not arrive after `settle_seconds` counts on their end.
const fn unacknowledged(timeout: Duration) -> Duration {
    timeout.saturating_sub(CONNECT)
}

fn says_json(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"))
}

/// JSON that is no JSON is kept as text: [`Answer::check`] then says so.
fn body(bytes: &[u8], is_json: bool, status: u16) -> Body {
    // 304 without a body is v0.0.38's word for an empty list.
    if status == 304 {
        return Body::Json(Value::Null);
    }
    let parsed = is_json
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten();
    parsed.map_or_else(
        || {
            let start = bytes.get(..bytes.len().min(2000)).unwrap_or_default();
            Body::Text(String::from_utf8_lossy(start).into_owned())
        },
        Body::Json,
    )
}

async fn read(mut response: Response, request: &Request) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| broken(request, error))?
    {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(Error::new(
                ErrorKind::Protocol,
                request.operation,
                "the answer is larger than 128 MiB",
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn too_late(request: &Request) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        request.operation,
        "it took too long to get to it; nothing was sent, the next try will",
    )
}

/// No whole answer came. Only a connection that was never made proves that nothing happened.
fn broken(request: &Request, error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_builder() {
        (ErrorKind::Local, "the request cannot be built")
    } else if error.is_connect() {
        (
            ErrorKind::Unavailable,
            "slurmrestd cannot be reached; is it up, and is `url` right?",
        )
    } else {
        let kind = match request.effect {
            Effect::Reads => ErrorKind::Unavailable,
            Effect::Acts | Effect::Makes => ErrorKind::Unclear,
        };
        let message = if error.is_timeout() {
            "slurmrestd did not answer in time"
        } else {
            "the connection broke before the answer was whole"
        };
        (kind, message)
    };
    Error::new(kind, request.operation, message).caused_by(error.without_url())
}

#[cfg(test)]
mod tests;
