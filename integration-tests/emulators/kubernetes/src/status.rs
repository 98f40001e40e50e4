//! `meta/v1.Status` as the API server words it.

use http::StatusCode;
use serde_json::{Value, json};

use crate::validation::Cause;

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

/// `kind` as messages have it: `Job.batch`, `Service`.
pub(crate) fn invalid(kind: &str, name: &str, causes: &[Cause]) -> Reply {
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
    let message = format!("{kind} \"{name}\" is invalid: {told}");
    let (plain, group) = kind.split_once('.').unwrap_or((kind, ""));
    let details = json!({ "name": name, "group": group, "kind": plain, "causes": causes });
    with_details(422, "Invalid", &message, details)
}

pub(crate) fn qualified(kind: &str, group: &str) -> String {
    if group.is_empty() {
        return kind.to_owned();
    }
    format!("{kind}.{group}")
}

/// 409 for another object's uid; `None` if it is the right one, or if none was asked for.
pub(crate) fn other_uid(kind: &str, name: &str, wanted: &str, uid: &str) -> Option<Reply> {
    if wanted.is_empty() || wanted == uid {
        return None;
    }
    let words = format!(
        "Operation cannot be fulfilled on {kind} \"{name}\": the UID in the precondition ({wanted}) \
         does not match the UID in record ({uid}). The object might have been deleted and then recreated"
    );
    Some(refused(409, "Conflict", &words))
}
