//! What a real server said, and what the adapter makes of it: one test for each fact.
//!
//! `tests/fixtures/1.36.json` is trimmed from exchanges with kube-apiserver 1.36.2 and Kueue 0.20-dev.

mod answers;
mod kueue;
mod lives;
mod pods;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::record::{JobFacts, PodFacts};
use crate::{names, states::View};

pub(crate) const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

pub(crate) fn recorded(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../tests/fixtures/1.36.json")).unwrap();
    assert!(all.get(name).is_some(), "{name} is not in the recordings");
    all[name].clone()
}

/// A recorded answer; one without a body was empty, and plain text is a string.
pub(crate) fn answer(name: &str) -> Answer {
    let recorded = recorded(name);
    let body = match &recorded["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    Answer {
        status: u16::try_from(recorded["status"].as_u64().unwrap()).unwrap(),
        body: body.into(),
    }
}

pub(crate) fn body(name: &str) -> Answer {
    Answer {
        status: 200,
        body: recorded(name).to_string().into(),
    }
}

/// A recorded Job as if it were ours.
pub(crate) fn ours(mut job: Value) -> JobFacts {
    job["metadata"]["labels"][names::ATTEMPT] = MARKER.into();
    for (key, value) in [
        ("name", "job-1"),
        ("namespace", "team-a"),
        ("uid", "u-1"),
        ("creationTimestamp", "2026-11-20T10:00:00Z"),
    ] {
        if job["metadata"].get(key).is_none() {
            job["metadata"][key] = value.into();
        }
    }
    if job["spec"].get("template").is_none() {
        job["spec"]["template"] = json!({});
    }
    let job: k8s_openapi::api::batch::v1::Job = serde_json::from_value(job).unwrap();
    JobFacts::of(&job).unwrap()
}

pub(crate) fn with_status(status: &Value) -> JobFacts {
    ours(json!({ "metadata": {}, "spec": {}, "status": status }))
}

pub(crate) fn pod(mut pod: Value) -> PodFacts {
    if pod["metadata"].get("name").is_none() {
        pod["metadata"]["name"] = "pod-1".into();
    }
    if pod["metadata"]["labels"]
        .get(names::CONTROLLER_UID)
        .is_none()
    {
        pod["metadata"]["labels"][names::CONTROLLER_UID] = "u-1".into();
    }
    let pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(pod).unwrap();
    PodFacts::of(&pod).unwrap()
}

pub(crate) fn pod_with(status: &Value) -> PodFacts {
    pod(json!({ "metadata": {}, "status": status }))
}

pub(crate) fn view<'a>(job: &'a JobFacts, pods: &'a [PodFacts]) -> View<'a> {
    View { job, pods }
}

/// The states of a recorded watch, in order.
pub(crate) fn history(events: &Value) -> Vec<Value> {
    let all = events.as_array().unwrap().iter();
    all.map(|event| event["object"].clone()).collect()
}
