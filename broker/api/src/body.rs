use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use broker_model::InvalidSpec;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Most answers are smaller; a buffer that has to grow costs as much as what is written into it.
const USUAL_ANSWER: usize = 4096;

/// A JSON answer as `axum::Json` gives it, written into one buffer.
pub(crate) fn json(value: &impl Serialize) -> ([(HeaderName, &'static str); 1], Vec<u8>) {
    let mut body = Vec::with_capacity(USUAL_ANSWER);
    if let Err(error) = serde_json::to_writer(&mut body, value) {
        tracing::error!(%error, "an answer cannot be written");
    }
    ([(CONTENT_TYPE, "application/json")], body)
}

/// A JSON body with the bytes it came in; what is wrong with it is said by field, line and column.
#[derive(Debug)]
pub(crate) struct JsonBody<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole(request, state).await?;
        let value = read(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// The bytes of a body that says it is JSON.
pub(crate) async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "the body must be `application/json`",
        ));
    }
    Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body-too-large",
                    "the body is larger than this path takes: 1 MiB, or 16 MiB of an agent's report",
                );
            }
            Problem::invalid("the body could not be read to its end")
        })
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| refused::<T>(bytes, &error))
}

/// Parameters after the type (`; charset=utf-8`) say nothing: JSON is UTF-8 (RFC 8259, 11).
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a refused body once more to find the field, which a good one is spared.
fn refused<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    if bytes.trim_ascii().is_empty() {
        return empty();
    }
    let mut problem = Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-body",
        format!("the body is not valid: {}", of_json(&error.to_string())),
    );
    if error.is_data() {
        let deserializer = &mut serde_json::Deserializer::from_slice(bytes);
        if let Err(error) = serde_path_to_error::deserialize::<_, T>(deserializer) {
            problem = problem.field(named(&error.path().to_string(), error.inner()));
        }
    }
    problem
}

fn empty() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid-body", "the body is empty").field(InvalidSpec {
        field: "(body)".to_owned(),
        reason: "there is none".to_owned(),
        allowed: "a JSON object; see the schemas in `GET /api/v1/openapi.json`".to_owned(),
    })
}

/// Without the names that types have here: ``expected struct DrainDraft with 4 elements``.
fn of_json(words: &str) -> String {
    let Some((before, named)) = words.split_once("struct ") else {
        return words.to_owned();
    };
    let place = named.find(" at line ").unwrap_or(named.len());
    format!(
        "{before}a JSON object{}",
        named.get(place..).unwrap_or_default()
    )
}

/// What serde says, in three parts: ``unknown field `nodez`, expected one of `nodes`, …``.
fn named(path: &str, error: &serde_json::Error) -> InvalidSpec {
    let words = of_json(&error.to_string());
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = words.strip_suffix(&place).unwrap_or(&words);
    let marks = ["; allowed: ", ", expected ", ": expected "];
    let parts = marks.iter().find_map(|mark| words.split_once(mark));
    let (reason, allowed) =
        parts.unwrap_or((words, "see the schemas in `GET /api/v1/openapi.json`"));
    // A type that names its own field, as a walltime does, need not be told it again.
    let reason = reason
        .strip_prefix(path)
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(reason);
    InvalidSpec {
        field: if path == "." { "(body)" } else { path }.to_owned(),
        reason: format!(
            "{reason} (line {}, column {})",
            error.line(),
            error.column()
        ),
        allowed: plain(allowed).to_owned(),
    }
}

/// Rust's names of types, in the words of people who write JSON.
fn plain(allowed: &str) -> &str {
    match allowed {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative",
        "i32" | "i64" => "a whole number",
        "a borrowed string" | "str" | "string" => "a string",
        other => other,
    }
}
