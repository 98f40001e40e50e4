//! Entity tags: a poll that finds nothing new costs 304 and no body (RFC 9110, 13.1.2).

use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::problem::Problem;

/// Answers with a tag that changes when the thing does; the body is only made when it is wanted.
pub(crate) fn tagged<R: IntoResponse>(
    headers: &HeaderMap,
    tag: &str,
    body: impl FnOnce() -> R,
) -> Response {
    let tag = format!("\"{tag}\"");
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body().into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// For what has no version of its own: the tag is made from the bytes.
pub(crate) fn json(headers: &HeaderMap, value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).unwrap_or_default();
    tagged(headers, &digest(&body), || {
        ([(CONTENT_TYPE, "application/json")], body)
    })
}

/// The one tag of `If-Match`; strong, as RFC 9110 wants for it.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(line) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let tag = line
        .to_str()
        .ok()
        .and_then(|it| it.trim().strip_prefix('"'));
    match tag.and_then(|it| it.strip_suffix('"')) {
        Some(tag) if !tag.contains('"') => Ok(Some(tag.to_owned())),
        _ => Err(Problem::invalid(
            "If-Match: takes the one `ETag` of the document that the change was made on",
        )),
    }
}

fn digest(body: &str) -> String {
    let mut digest = hex::encode(Sha256::digest(body.as_bytes()));
    digest.truncate(32);
    digest
}

/// Compares weakly, as RFC 9110 wants for `If-None-Match`: a proxy may have marked the tag weak.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_alone_in_a_list_weak_or_as_a_star_and_not_by_a_part() {
        for (line, expected) in [
            ("\"7\"", true),
            ("\"6\", \"7\"", true),
            ("W/\"7\"", true),
            ("*", true),
            ("\"77\"", false),
            ("7", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, line.parse().unwrap());
            assert_eq!(is_known(&headers, "\"7\""), expected, "{line}");
        }
    }
}
