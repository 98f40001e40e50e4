use http::Method;
use serde_json::Value;
use site_adapter::Result;

use super::jobs::bytes;
use crate::answer::Asked;
use crate::client::{Request, request};

pub(crate) const CREATE: &str = "POST services";

pub(crate) fn create(namespace: &str, service: &Value) -> Result<Request> {
    let path = format!("/api/v1/namespaces/{namespace}/services?fieldValidation=Strict");
    let body = bytes(CREATE, service)?;
    let content = Some(("application/json", body));
    request(CREATE, Asked::Write, Method::POST, &path, content)
}
