use http::Method;
use serde_json::{Value, json};
use site_adapter::Result;

use super::jobs::bytes;
use crate::answer::{Answer, Asked};
use crate::client::{Request, get, request};

pub(crate) const REVIEW: &str = "POST selfsubjectaccessreviews";
pub(crate) const VERSION: &str = "GET version";

/// One right: verb, API group, resource, and subresource if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Right {
    pub(crate) verb: &'static str,
    pub(crate) group: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) subresource: &'static str,
}

const fn right(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
) -> Right {
    Right {
        verb,
        group,
        resource,
        subresource,
    }
}

/// What the agent needs in each namespace.
pub(crate) const IN_NAMESPACE: [Right; 11] = [
    right("create", "batch", "jobs", ""),
    right("get", "batch", "jobs", ""),
    right("list", "batch", "jobs", ""),
    right("watch", "batch", "jobs", ""),
    right("patch", "batch", "jobs", ""),
    right("delete", "batch", "jobs", ""),
    right("list", "", "pods", ""),
    right("watch", "", "pods", ""),
    right("get", "", "pods", "log"),
    right("create", "", "services", ""),
    right("list", "", "events", ""),
];

/// The same, where Kueue is.
pub(crate) const OF_KUEUE: [Right; 2] = [
    right("list", "kueue.x-k8s.io", "workloads", ""),
    right("list", "kueue.x-k8s.io", "localqueues", ""),
];

/// Without `namespace` for the whole cluster.
pub(crate) fn review(right: Right, namespace: Option<&str>) -> Result<Request> {
    let mut attributes = json!({
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
    });
    if let Some(fields) = attributes.as_object_mut() {
        if !right.subresource.is_empty() {
            fields.insert("subresource".to_owned(), right.subresource.into());
        }
        if let Some(namespace) = namespace {
            fields.insert("namespace".to_owned(), namespace.into());
        }
    }
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes },
    });
    let content = Some(("application/json", bytes(REVIEW, &body)?));
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    request(REVIEW, Asked::Read, Method::POST, path, content)
}

pub(crate) fn allowed(answer: &Answer) -> Result<bool> {
    let review: Value = answer.read(REVIEW, Asked::Read)?;
    Ok(review.pointer("/status/allowed") == Some(&Value::Bool(true)))
}

pub(crate) fn version() -> Result<Request> {
    get(VERSION, "/version")
}

/// Major and minor; the minor of some vendors ends in `+`.
pub(crate) fn served(answer: &Answer) -> Result<(u32, u32)> {
    let version: Value = answer.read(VERSION, Asked::Read)?;
    let number = |key: &str| {
        let text = version.get(key).and_then(Value::as_str).unwrap_or_default();
        text.trim_end_matches('+').parse().unwrap_or(0)
    };
    Ok((number("major"), number("minor")))
}
