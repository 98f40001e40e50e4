//! What an answer says, and whether to ask again.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::{LINK, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

const LARGEST_ANSWER: usize = 16 << 20;

pub(super) fn is_passing(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Seconds; a date is as good as no word.
pub(super) fn asked_pause(answer: &Response) -> Option<Duration> {
    let asked = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    asked.trim().parse().ok().map(Duration::from_secs)
}

/// Its words may quote what was sent, so they are left out.
pub(super) fn refused(answer: &Response) -> anyhow::Error {
    let status = answer.status();
    if status.is_redirection() {
        let to = { answer.headers().get(LOCATION) }
            .and_then(|it| it.to_str().ok())
            .unwrap_or("another address");
        return anyhow::anyhow!(
            "it answers {status} and sends to {}, where the token does not go; give its own address",
            to.escape_debug()
        );
    }
    let remedy = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "; is the token its own, and still good?"
        }
        StatusCode::NOT_FOUND => "; is this the address of a Waldur?",
        _ => "",
    };
    anyhow::anyhow!("it answers {status}{remedy}")
}

pub(super) fn count(answer: &Response) -> Option<usize> {
    let count = answer.headers().get("x-result-count")?;
    count.to_str().ok()?.trim().parse().ok()
}

/// Whether `Link` names another page; nothing where there is no such header. Its address is not used: a
/// proxy may have written another host into it.
pub(super) fn has_next(answer: &Response) -> Option<bool> {
    let mut links = answer.headers().get_all(LINK).iter().peekable();
    links.peek()?;
    let is_next = |part: &str| matches!(part.trim(), "rel=\"next\"" | "rel=next");
    Some(links.any(|link| {
        let text = link.to_str().unwrap_or_default();
        text.split([',', ';']).any(is_next)
    }))
}

/// Reads JSON of a bounded size.
pub(super) async fn body<T: DeserializeOwned>(mut answer: Response) -> anyhow::Result<T> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            bail!("its answer is longer than {LARGEST_ANSWER} bytes");
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).context("its answer is not what a Waldur says")
}
