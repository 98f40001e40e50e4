//! Answers of the API server that are no success, and what they mean for a caller.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use site_adapter::{Error, ErrorKind, Result};

/// Words of the server's that a person gets, at most.
const MOST_WORDS: usize = 600;

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// Whether a request that got no answer may have done something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Read,
    Write,
}

impl Asked {
    /// The kind of error for a request without a proof of its end.
    pub(crate) const fn lost(self) -> ErrorKind {
        match self {
            Self::Read => ErrorKind::Unavailable,
            Self::Write => ErrorKind::Unclear,
        }
    }
}

/// `meta/v1.Status`. A 429, an unknown API group and proxies answer with plain text instead.
#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
struct Details {
    #[serde(default)]
    causes: Option<Vec<Cause>>,
}

#[derive(Debug, Deserialize)]
struct Cause {
    #[serde(default)]
    message: String,
    #[serde(default)]
    field: String,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The object of a success.
    pub(crate) fn object<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let words = format!("HTTP {} with a body that is not understood", self.status);
            Error::new(ErrorKind::Protocol, operation, words).caused_by(error)
        })
    }

    /// A success's object, or why there is none.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        asked: Asked,
    ) -> Result<T> {
        if self.is_success() {
            return self.object(operation);
        }
        Err(self.refusal(operation, asked))
    }

    /// The same, where `None` is the server's own word that it has no such object.
    pub(crate) fn read_opt<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        asked: Asked,
    ) -> Result<Option<T>> {
        if self.is_absent() {
            return Ok(None);
        }
        self.read(operation, asked).map(Some)
    }

    /// A 404 with a `Status`. One without ("404 page not found", a proxy's page) proves nothing: the API
    /// group may not be served, or not by this server.
    pub(crate) fn is_absent(&self) -> bool {
        self.status == 404 && self.typed().is_some_and(|s| s.reason == "NotFound")
    }

    pub(crate) fn has_reason(&self, reason: &str) -> bool {
        self.typed().is_some_and(|status| status.reason == reason)
    }

    fn typed(&self) -> Option<Status> {
        let status: Status = serde_json::from_slice(&self.body).ok()?;
        (status.kind == "Status").then_some(status)
    }

    /// The server's words on one line.
    pub(crate) fn words(&self) -> String {
        let text = match self.typed() {
            Some(status) => in_full(status),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let line: Vec<&str> = text.split_whitespace().collect();
        let line: String = line.join(" ").chars().take(MOST_WORDS).collect();
        format!("HTTP {}: {line}", self.status)
    }

    /// What an answer that is no success means.
    pub(crate) fn refusal(&self, operation: &'static str, asked: Asked) -> Error {
        let words = self.words();
        let kind = match self.status {
            401 => ErrorKind::Unauthorized,
            403 => self.forbidden(&words),
            // Decoding, validation, sizes, media types: it would be the same at the next try.
            400 | 405 | 406 | 413 | 415 | 422 => ErrorKind::Refused,
            404 if self.typed().is_some() => ErrorKind::Refused,
            // Turned away before anything was done.
            429 => ErrorKind::Unavailable,
            500 if is_failed_webhook(&words) => ErrorKind::Unavailable,
            409 => ErrorKind::Unavailable,
            500.. => asked.lost(),
            _ => ErrorKind::Protocol,
        };
        Error::new(kind, operation, words)
    }

    /// 403 means three things, and only the message tells them apart: the agent's rights, a quota, and
    /// an admission webhook's or plug-in's no.
    fn forbidden(&self, words: &str) -> ErrorKind {
        let is_rights = self.typed().is_none()
            || (words.contains("User \"") && words.contains(" cannot "))
            || words.contains("system:anonymous");
        if is_rights {
            return ErrorKind::Unauthorized;
        }
        ErrorKind::Refused
    }
}

/// Admission comes before storage, so nothing was made.
fn is_failed_webhook(words: &str) -> bool {
    words.contains("failed calling webhook") || words.contains("failed to call webhook")
}

/// The message, with the fields that the causes name and it does not.
fn in_full(status: Status) -> String {
    let causes = status.details.causes.unwrap_or_default();
    let fresh = causes
        .iter()
        .filter(|cause| !cause.field.is_empty() && !status.message.contains(&cause.field))
        .map(|cause| format!("; {}: {}", cause.field, cause.message));
    let added: String = fresh.collect();
    status.message + &added
}

/// No answer came: whether anything was sent decides what may have happened.
pub(crate) fn lost(operation: &'static str, asked: Asked, error: kube::Error) -> Error {
    let kind = if never_sent(&error) {
        ErrorKind::Unavailable
    } else {
        asked.lost()
    };
    let (kind, words) = match &error {
        kube::Error::Auth(_) => (
            ErrorKind::Unauthorized,
            "the credential could not be had".to_owned(),
        ),
        _ if is_untrusted(&error) => (
            ErrorKind::Local,
            "the API server's certificate is not trusted; set `access.ca_file`".to_owned(),
        ),
        _ => (kind, format!("no answer: {}", deepest(&error))),
    };
    Error::new(kind, operation, words).caused_by(error)
}

/// Whether files that were read may have been replaced since.
pub(crate) fn is_about_credentials(error: &kube::Error) -> bool {
    match error {
        kube::Error::Auth(_) => true,
        kube::Error::Api(status) => status.code == 401,
        _ => is_untrusted(error),
    }
}

fn never_sent(error: &kube::Error) -> bool {
    let kube::Error::Service(source) = error else {
        return false;
    };
    let known = source.downcast_ref::<hyper_util::client::legacy::Error>();
    known.is_some_and(hyper_util::client::legacy::Error::is_connect)
}

fn is_untrusted(error: &kube::Error) -> bool {
    chain(error).any(|cause| cause.to_string().contains("invalid peer certificate"))
}

fn deepest(error: &kube::Error) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
