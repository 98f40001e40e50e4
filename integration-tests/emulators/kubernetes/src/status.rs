//! `meta/v1.Status` as the API server words it.

use http::StatusCode;
use serde_json::{Value, json};

/// A status with a body: JSON, or text where the API server sends text.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Json(Value),
    Text(String),
}

pub(crate) fn ok(body: Value) -> Reply {
    reply(200, body)
}

pub(crate) fn created(body: Value) -> Reply {
    reply(201, body)
}

fn reply(status: u16, body: Value) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        body: Content::Json(body),
    }
}

pub(crate) fn text(status: u16, words: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        body: Content::Text(words.to_owned()),
    }
}

pub(crate) fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

pub(crate) fn refused(code: u16, reason: &str, message: &str) -> Reply {
    reply(code, failure(code, reason, message))
}

pub(crate) fn with_details(code: u16, reason: &str, message: &str, details: Value) -> Reply {
    let mut status = failure(code, reason, message);
    status["details"] = details;
    reply(code, status)
}

pub(crate) fn not_found(kind: &str, group: &str, name: &str) -> Reply {
    let full = qualified(kind, group);
    let mut details = json!({ "name": name, "kind": kind });
    if !group.is_empty() {
        details["group"] = group.into();
    }
    with_details(
        404,
        "NotFound",
        &format!("{full} \"{name}\" not found"),
        details,
    )
}

pub(crate) fn invalid(name: &str, causes: &[(&str, &str, &str)]) -> Reply {
    let told: Vec<String> = causes.iter().map(|(_, f, m)| format!("{f}: {m}")).collect();
    let told = if let [one] = told.as_slice() {
        one.clone()
    } else {
        format!("[{}]", told.join(", "))
    };
    let causes: Vec<Value> = causes
        .iter()
        .map(|(reason, field, message)| {
            json!({ "reason": reason, "message": message, "field": field })
        })
        .collect();
    let message = format!("Job.batch \"{name}\" is invalid: {told}");
    let details = json!({ "name": name, "group": "batch", "kind": "Job", "causes": causes });
    with_details(422, "Invalid", &message, details)
}

pub(crate) fn qualified(kind: &str, group: &str) -> String {
    if group.is_empty() {
        return kind.to_owned();
    }
    format!("{kind}.{group}")
}
