use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The longest page of a broker is far below; what is longer has no end.
const LARGEST: usize = 256 * 1024 * 1024;

/// The whole of an answer; `address` names where it is from in errors.
pub(crate) async fn bytes(mut response: Response, address: &str) -> Result<Vec<u8>> {
    let unreachable = |source| Error::Unreachable {
        address: address.to_owned(),
        source,
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(not_understood(address, "it has no end"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(crate) async fn text(response: Response, address: &str) -> Result<String> {
    let body = bytes(response, address).await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

pub(crate) async fn json<T: DeserializeOwned>(response: Response, address: &str) -> Result<T> {
    let text = text(response, address).await?;
    serde_json::from_str(&text).map_err(|error| not_understood(address, &error.to_string()))
}

pub(crate) fn not_understood(address: &str, reason: &str) -> Error {
    Error::Answer {
        address: address.to_owned(),
        reason: reason.to_owned(),
    }
}
