//! One signed request to the broker and its signed answer.

use std::time::Duration;

use agent_link::{KeyPair, PublicKey, answer, request};
use broker_model::{Clock as _, SystemClock};
use http::{HeaderMap, Method, Uri};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::de::DeserializeOwned;
use site_adapter::LinkError;
use url::Url;

/// A broker that asks for more patience than this is not obeyed: it may be somebody's joke, since
/// headers are not signed.
const LONGEST_PATIENCE: Duration = Duration::from_mins(5);
/// More is not read: an answer of the broker is smaller, a stream of somebody else has no end.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// By whom and to whom.
#[derive(Debug)]
pub(crate) struct Parties<'a> {
    pub(crate) key: &'a KeyPair,
    /// What the broker knows the key by.
    pub(crate) key_id: &'a str,
    pub(crate) broker_key: &'a PublicKey,
}

/// Why there is no answer to go on with.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The broker said no, and signed it.
    Refusal(Refusal),
    Link(LinkError),
}

#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) words: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// The broker does not let this key in.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }
}

impl From<LinkError> for Miss {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<Miss> for LinkError {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Refusal(refusal) => refusal.into(),
            Miss::Link(error) => error,
        }
    }
}

/// As the agent's loops take it: what a later broker or another address may answer is tried again.
impl From<Refusal> for LinkError {
    fn from(refusal: Refusal) -> Self {
        let is_unauthorized = refusal.is_unauthorized();
        let Refusal {
            status,
            words,
            retry_after,
        } = refusal;
        match status {
            _ if is_unauthorized => Self::Unauthorized(words),
            StatusCode::BAD_REQUEST
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::PAYLOAD_TOO_LARGE => Self::Refused(words),
            _ => later(words, retry_after),
        }
    }
}

/// Sends a body and returns what the broker says to it. What is not signed by the broker is weather,
/// whatever it says: nothing on the way can make the agent give up, or believe anything.
pub(crate) async fn exchange<A: DeserializeOwned>(
    client: &Client,
    parties: &Parties<'_>,
    url: &Url,
    body: Vec<u8>,
    timeout: Duration,
) -> Result<A, Miss> {
    let uri: Uri = url
        .as_str()
        .parse()
        .map_err(|error| LinkError::Refused(format!("{url}: {error}")))?;
    let now = SystemClock.now().as_second();
    let target = (&Method::POST, &uri);
    let signed = request::sign(parties.key, parties.key_id, now, target, &body);
    let asked: HeaderMap = signed.into_iter().collect();
    let sent = client
        .post(url.clone())
        .headers(asked.clone())
        .header(CONTENT_TYPE, "application/json")
        .timeout(timeout)
        .body(body);
    let response = sent.send().await.map_err(|error| unreachable(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = whole(response).await?;
    let told = answer::verify(parties.broker_key, &asked, status, &headers, &body);
    if let Err(doubt) = told {
        return Err(not_believed(status, &headers, &body, doubt).into());
    }
    if !status.is_success() {
        return Err(Miss::Refusal(refusal(status, &headers, &body)));
    }
    serde_json::from_slice(&body).map_err(|error| {
        let words = format!("the answer of {url} is not understood: {error}");
        LinkError::Unreachable(words).into()
    })
}

async fn whole(mut response: Response) -> Result<Vec<u8>, LinkError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| unreachable(&e))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(LinkError::Unreachable("the answer has no end".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Proxies and load balancers answer, too, when the broker is away; that is said with their status.
pub(crate) fn not_believed(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    doubt: answer::NotTheBrokers,
) -> LinkError {
    let detail = detail(body);
    let words = match doubt {
        answer::NotTheBrokers::AnotherKey | answer::NotTheBrokers::AnotherBody => format!(
            "the answer ({status}) is not believed: {doubt}. If the broker was set up anew, enrol this agent \
             again; if not, somebody is in between"
        ),
        answer::NotTheBrokers::Unsigned => {
            format!("the answer ({status} {detail}) is not believed: {doubt}")
        }
    };
    later(words, retry_after(headers))
}

fn later(words: String, retry_after: Option<Duration>) -> LinkError {
    match retry_after {
        Some(retry_after) => LinkError::Busy { words, retry_after },
        None => LinkError::Unreachable(words),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PATIENCE))
}

/// The broker says why, and what to do, in a problem document (RFC 9457).
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    Refusal {
        status,
        words: format!("{status} {}", detail(body)).trim_end().to_owned(),
        retry_after: retry_after(headers),
    }
}

fn detail(body: &[u8]) -> String {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| problem.get(key).and_then(serde_json::Value::as_str);
    let mut words: String = text("detail")
        .unwrap_or_default()
        .chars()
        .take(500)
        .collect();
    let errors = problem.get("errors").and_then(serde_json::Value::as_array);
    for error in errors.into_iter().flatten() {
        let of = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
        let [field, reason, allowed] =
            ["field", "reason", "allowed"].map(|key| of(key).unwrap_or_default());
        words.extend(["; ", field, ": ", reason, " (allowed: ", allowed, ")"]);
    }
    if let Some(remedy) = text("remedy") {
        words.push_str("; ");
        words.push_str(remedy);
    }
    words
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
