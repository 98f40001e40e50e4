use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use site_adapter::{Error, ErrorKind, Result};

use crate::answer::Asked;
use crate::client::{Request, get, request};
use crate::names;
use crate::record::JobFacts;

pub(crate) const CREATE: &str = "POST jobs";
pub(crate) const GET: &str = "GET jobs";
pub(crate) const PATCH: &str = "PATCH jobs";
pub(crate) const DELETE: &str = "DELETE jobs";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

pub(crate) fn collection(namespace: &str) -> String {
    format!("/apis/batch/v1/namespaces/{namespace}/jobs")
}

fn path(namespace: &str, name: &str) -> String {
    format!("{}/{name}", collection(namespace))
}

/// The selector of all that is ours, as it stands in a query.
pub(crate) const OURS: &str = "labelSelector=alcyone%2Fattempt";

/// `fieldValidation=Strict`: an unknown field is otherwise dropped with a warning, and a job would run
/// without what it says. `timeout` bounds how long the server works on it.
pub(crate) fn create(namespace: &str, job: &Value, timeout_seconds: u64) -> Result<Request> {
    let path = format!(
        "{}?fieldValidation=Strict&fieldManager=alcyone&timeout={timeout_seconds}s",
        collection(namespace)
    );
    let body = bytes(CREATE, job)?;
    request(
        CREATE,
        Asked::Write,
        Method::POST,
        &path,
        Some((JSON, body)),
    )
}

/// A read of what is stored, never of a cache: no `resourceVersion` is sent.
pub(crate) fn one(namespace: &str, name: &str) -> Result<Request> {
    get(GET, &path(namespace, name))
}

/// A merge patch that hits the Job of this uid only: another one's is a 409 or 422.
pub(crate) fn patch(namespace: &str, name: &str, uid: &str, mut change: Value) -> Result<Request> {
    if let Some(meta) = change
        .pointer_mut("/metadata")
        .and_then(Value::as_object_mut)
    {
        meta.insert("uid".to_owned(), uid.into());
    }
    let path = format!("{}?fieldManager=alcyone", path(namespace, name));
    let body = bytes(PATCH, &change)?;
    request(
        PATCH,
        Asked::Write,
        Method::PATCH,
        &path,
        Some((MERGE, body)),
    )
}

/// Always with a propagation policy: `batch/v1` orphans the pods otherwise, and they run on.
pub(crate) fn delete(namespace: &str, name: &str, uid: &str) -> Result<Request> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": { "uid": uid },
    });
    let path = path(namespace, name);
    let body = bytes(DELETE, &options)?;
    request(
        DELETE,
        Asked::Write,
        Method::DELETE,
        &path,
        Some((JSON, body)),
    )
}

/// Ends a Job that may run and leaves its record: one second of its own deadline is left to it.
pub(crate) fn end(verdict: &str) -> Value {
    json!({
        "metadata": { "annotations": { names::VERDICT: verdict } },
        "spec": { "activeDeadlineSeconds": 1 },
    })
}

/// Ends a Job that stands still. With a parallelism of 0 no pod of it is made any more, whoever lets it
/// go: Kueue, when it admits it again, or an administrator; the deadline then ends it for its controller.
/// Where no queue has it, it is let go at once for that.
pub(crate) fn put_down(job: &JobFacts, verdict: &str, started: Option<Timestamp>) -> Value {
    let mut notes = Map::new();
    notes.insert(names::VERDICT.to_owned(), verdict.into());
    if let Some(started) = started {
        notes.insert(names::STARTED.to_owned(), started.to_string().into());
    }
    let mut spec = Map::new();
    spec.insert("parallelism".to_owned(), 0.into());
    spec.insert("activeDeadlineSeconds".to_owned(), 1.into());
    if job.queue.is_none() && !job.parked {
        spec.insert("suspend".to_owned(), false.into());
    }
    json!({
        "metadata": { "resourceVersion": job.version, "annotations": notes },
        "spec": spec,
    })
}

/// What it still waits for.
pub(crate) fn still_after(job: &JobFacts, after: &str) -> Value {
    json!({ "metadata": {
        "resourceVersion": job.version,
        "annotations": { names::AFTER: after },
    } })
}

/// It runs, and waits for nothing any more.
pub(crate) fn after_nothing() -> Value {
    json!({ "metadata": { "annotations": { names::AFTER: null } } })
}

/// Holds a Job again that somebody let go.
pub(crate) fn suspend(job: &JobFacts) -> Value {
    json!({
        "metadata": { "resourceVersion": job.version },
        "spec": { "suspend": true },
    })
}

/// Out of the queue that there is not. Kueue takes that of a suspended Job only.
pub(crate) fn unpark() -> Value {
    json!({ "metadata": { "labels": { names::QUEUE: null } } })
}

pub(crate) fn note_start(started: Timestamp) -> Value {
    json!({ "metadata": { "annotations": { names::STARTED: started.to_string() } } })
}

/// `reason` is JSON of a [`Reason`](crate::record::Reason).
pub(crate) fn note_taken_away(reason: &str) -> Value {
    json!({ "metadata": { "annotations": { names::TAKEN_AWAY: reason } } })
}

/// Lets a held Job go: to its queue, which decides from then on, or at once.
pub(crate) fn release(queue: Option<&str>) -> Value {
    match queue {
        Some(queue) => json!({
            "metadata": {
                "annotations": { names::AFTER: null },
                "labels": { names::QUEUE: queue },
            },
        }),
        None => json!({
            "metadata": { "annotations": { names::AFTER: null } },
            "spec": { "suspend": false },
        }),
    }
}

pub(super) fn bytes(operation: &'static str, value: &Value) -> Result<Vec<u8>> {
    text(operation, value).map(String::into_bytes)
}

/// JSON, as the text of an annotation, too.
pub(crate) fn text(operation: &'static str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Local, operation, "not JSON").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: &Request) -> Value {
        serde_json::from_slice(request.http.body()).unwrap()
    }

    #[test]
    fn a_delete_always_has_a_propagation_policy_and_the_uid() {
        let request = delete("team-a", "alcyone-1", "u-1").unwrap();
        assert_eq!(request.http.method(), Method::DELETE);
        let body = body(&request);
        assert_eq!(body["propagationPolicy"], "Background");
        assert_eq!(body["preconditions"]["uid"], "u-1");
    }

    #[test]
    fn a_patch_carries_the_uid_of_the_job_it_means() {
        for change in [end("{}"), release(None), release(Some("q"))] {
            let request = patch("team-a", "alcyone-1", "u-1", change).unwrap();
            assert_eq!(body(&request)["metadata"]["uid"], "u-1");
        }
    }

    #[test]
    fn a_create_is_strict_about_fields_and_bounded_in_time() {
        let request = create("team-a", &json!({}), 30).unwrap();
        let query = request.http.uri().query().unwrap();
        assert!(query.contains("fieldValidation=Strict"), "{query}");
        assert!(query.contains("timeout=30s"), "{query}");
    }
}
