use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use url::Url;

use super::answer::{self, LONGEST_ANSWER};
use super::{AccountError, AccountMap, AccountQuestion, Mapping};

/// A directory of the site's: the question is posted to it as JSON and the answer is JSON.
#[derive(Clone, Debug)]
pub struct AccountService {
    client: Client,
    url: Url,
    token_file: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountServiceError {
    #[error(
        "`{0}` is neither `https` nor a loopback address; who may run what must not be altered on the way"
    )]
    Insecure(Url),
    #[error("cannot read `{path}`")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` holds no certificate in PEM form")]
    BadCertificate {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("the HTTPS client cannot be made")]
    Client(#[source] reqwest::Error),
}

impl AccountService {
    /// `token_file` holds a bearer token and is read for each question; `ca_file` (PEM) is trusted
    /// beside the system's own authorities. No proxy is used: the directory is the site's own.
    pub fn new(
        url: Url,
        token_file: Option<PathBuf>,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, AccountServiceError> {
        if !crate::http_link::is_safe(&url) {
            return Err(AccountServiceError::Insecure(url));
        }
        let mut builder = Client::builder()
            .timeout(timeout)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("alcyone-agent/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        Ok(Self {
            client: builder.build().map_err(AccountServiceError::Client)?,
            url,
            token_file,
        })
    }

    async fn ask(&self, message: Vec<u8>) -> Result<(StatusCode, Vec<u8>), AccountError> {
        let away = |error: reqwest::Error| AccountError::Unavailable(chain(&error));
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .body(message);
        if let Some(path) = &self.token_file {
            let read = tokio::fs::read_to_string(path).await;
            let unreadable =
                |error| AccountError::Unusable(format!("`{}`: {error}", path.display()));
            let token = read.map_err(unreadable)?;
            request = request.bearer_auth(token.trim());
        }
        let mut response = request.send().await.map_err(away)?;
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(away)? {
            body.extend_from_slice(&bytes);
            if body.len() > LONGEST_ANSWER {
                return Err(answer::too_long());
            }
        }
        Ok((response.status(), body))
    }
}

#[async_trait]
impl AccountMap for AccountService {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let (status, body) = self.ask(answer::message(question)?).await?;
        if status == StatusCode::OK {
            return answer::read(&body);
        }
        // A refusal says so in a body; a bare 404 is more likely a wrong address.
        let said = answer::readable(&String::from_utf8_lossy(&body));
        let words = format!("{status} {said}").trim_end().to_owned();
        Err(if is_passing(status) {
            AccountError::Unavailable(words)
        } else {
            AccountError::Unusable(words)
        })
    }
}

/// Whether the same question may well be answered later, with nothing mended here.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, AccountServiceError> {
    let pem = std::fs::read(path).map_err(|source| AccountServiceError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let bad = |source| AccountServiceError::BadCertificate {
        path: path.to_owned(),
        source,
    };
    reqwest::Certificate::from_pem_bundle(&pem).map_err(bad)
}

fn chain(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}
