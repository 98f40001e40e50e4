//! The way to the API server: who the agent is there, and how long an answer may take.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use kube::client::Body;
use site_adapter::{Error, ErrorKind, Result};
use tokio::sync::Semaphore;

use crate::answer::{Answer, Asked, is_about_credentials, lost};
use crate::config::{Access, KubernetesSettings};
use crate::credentials::{self, local};

const CONNECT: Duration = Duration::from_secs(5);
/// An answer of more is no API server's: 500 Jobs with scripts of 256 KiB each have half of it.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// A refused credential is read from its files again, no more often than this.
const REOPEN: Duration = Duration::from_secs(5);

/// One request; the operation is how errors name it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) asked: Asked,
    pub(crate) http: http::Request<Vec<u8>>,
}

pub(crate) struct Transport {
    access: Access,
    impersonate: Option<String>,
    timeout: Duration,
    calls: Semaphore,
    client: Mutex<Option<(Client, Instant)>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(settings: &KubernetesSettings) -> Self {
        Self {
            access: settings.access.clone(),
            impersonate: settings.impersonate.clone(),
            timeout: Duration::from_secs(settings.timeout_seconds),
            calls: Semaphore::new(settings.concurrent_calls),
            client: Mutex::new(None),
        }
    }

    /// Made at the first call: it reads files, and a missing one may be there at the next.
    pub(crate) async fn client(&self) -> Result<Client> {
        if let Some((client, _)) = self.kept().as_ref() {
            return Ok(client.clone());
        }
        let client = self.open().await?;
        *self.kept() = Some((client.clone(), Instant::now()));
        Ok(client)
    }

    /// The credential was refused: certificates, tokens and authorities rotate in their files, so the next
    /// call reads them again.
    pub(crate) fn doubt(&self) {
        let mut kept = self.kept();
        if kept.as_ref().is_some_and(|(_, at)| at.elapsed() >= REOPEN) {
            *kept = None;
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<(Client, Instant)>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Client> {
        let mut config = credentials::read(&self.access).await?;
        config.connect_timeout = Some(CONNECT);
        // Each call has a time-out of its own; watches and followed logs must have none here.
        config.read_timeout = None;
        // A create that is sent again behind our back hides that its first answer was a 504.
        config.default_retry = false;
        if self.impersonate.is_some() {
            config.auth_info.impersonate.clone_from(&self.impersonate);
        }
        Client::try_from(config).map_err(|error| local("TLS or credentials", error))
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends one request and takes its whole answer, within the settings' time.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer> {
        let Request {
            operation,
            asked,
            http,
        } = request;
        let client = self.client().await?;
        let permit = self.calls.acquire().await;
        let answered = tokio::time::timeout(self.timeout, exchange(&client, http)).await;
        drop(permit);
        match answered {
            Ok(Ok(answer)) => {
                if answer.status == 401 {
                    self.doubt();
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                if is_about_credentials(&error) {
                    self.doubt();
                }
                Err(lost(operation, asked, error))
            }
            Err(_) => Err(Error::new(
                asked.lost(),
                operation,
                format!("no answer within {} s", self.timeout.as_secs()),
            )),
        }
    }
}

async fn exchange(
    client: &Client,
    request: http::Request<Vec<u8>>,
) -> std::result::Result<Answer, kube::Error> {
    use http_body_util::BodyExt as _;
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status().as_u16();
    let limited = http_body_util::Limited::new(response.into_body(), MOST_BYTES);
    let body = limited.collect().await.map_err(kube::Error::Service)?;
    Ok(Answer {
        status,
        body: body.to_bytes(),
    })
}

/// A request to the API server; paths are made of checked names only.
pub(crate) fn request(
    operation: &'static str,
    asked: Asked,
    method: http::Method,
    path: &str,
    body: Option<(&str, Vec<u8>)>,
) -> Result<Request> {
    let mut builder = http::Request::builder().method(method).uri(path);
    let mut bytes = Vec::new();
    if let Some((content_type, content)) = body {
        builder = builder.header(http::header::CONTENT_TYPE, content_type);
        bytes = content;
    }
    let http = builder
        .header(http::header::ACCEPT, "application/json")
        .body(bytes)
        .map_err(|error| {
            Error::new(ErrorKind::Local, operation, "not a request").caused_by(error)
        })?;
    Ok(Request {
        operation,
        asked,
        http,
    })
}

pub(crate) fn get(operation: &'static str, path: &str) -> Result<Request> {
    request(operation, Asked::Read, http::Method::GET, path, None)
}
