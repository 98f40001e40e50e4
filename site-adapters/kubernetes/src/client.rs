//! The way to the API server: who the agent is there, and how long an answer may take.

use std::fmt;
use std::time::Duration;

use kube::client::Body;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use site_adapter::{Error, ErrorKind, Result};
use tokio::sync::{OnceCell, Semaphore};

use crate::answer::{Answer, Asked, lost};
use crate::config::{Access, KubernetesSettings};

const CONNECT: Duration = Duration::from_secs(5);
/// An answer of more is no API server's: 500 Jobs with scripts of 256 KiB each have half of it.
const MOST_BYTES: usize = 256 * 1024 * 1024;

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
    client: OnceCell<Client>,
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
            client: OnceCell::new(),
        }
    }

    /// Made at the first call: it reads files, and a missing one may be there at the next.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.client.get_or_try_init(|| self.open()).await.cloned()
    }

    async fn open(&self) -> Result<Client> {
        let mut config = self.config().await?;
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

    async fn config(&self) -> Result<Config> {
        match &self.access {
            Access::InCluster => {
                Config::incluster().map_err(|error| local("the pod's service account", error))
            }
            Access::Kubeconfig { file, context } => {
                let read = Kubeconfig::read_from(file)
                    .map_err(|error| local("`access.file` cannot be read", error))?;
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                Config::from_custom_kubeconfig(read, &options)
                    .await
                    .map_err(|error| local("`access.file` has no such way", error))
            }
            Access::Token {
                server,
                token_file,
                ca_file,
            } => {
                let uri = server.as_str().parse::<http::Uri>();
                let mut config = Config::new(uri.map_err(|error| local("`access.server`", error))?);
                config.root_cert_file.clone_from(ca_file);
                config.auth_info = AuthInfo {
                    token_file: Some(token_file.to_string_lossy().into_owned()),
                    ..AuthInfo::default()
                };
                Ok(config)
            }
        }
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
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(lost(operation, asked, error)),
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

fn local(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let source = error.into();
    Error::new(
        ErrorKind::Local,
        "configuration",
        format!("{what}: {source}"),
    )
    .caused_by(source)
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
