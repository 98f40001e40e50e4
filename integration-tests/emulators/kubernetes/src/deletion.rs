//! Deleting: what becomes of the pods is a matter of the propagation policy.

use serde_json::{Value, json};

use crate::api::{Call, Target, singular};
use crate::cluster::{State, pods_of};
use crate::kubelet;
use crate::status::{Reply, not_found, ok, other_uid, refused};
use crate::store::{now, text};

const FOREGROUND: &str = "foregroundDeletion";

pub(crate) fn delete(state: &mut State, call: &Call, target: &Target, name: &str) -> Reply {
    let found = state.store.get(&target.plural, &target.namespace, name);
    let Some(object) = found.cloned() else {
        return not_found(&target.plural, &target.group, name);
    };
    let options: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let policy = text(&options, "/propagationPolicy");
    if !matches!(policy, "" | "Background" | "Foreground" | "Orphan") {
        let words = format!(
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \
             \"{policy}\": must be one of Background, Foreground, Orphan"
        );
        return refused(422, "Invalid", &words);
    }
    let wanted = text(&options, "/preconditions/uid");
    let uid = text(&object, "/metadata/uid");
    if let Some(refusal) = other_uid(singular(target), name, wanted, uid) {
        return refusal;
    }
    match (target.plural.as_str(), policy) {
        ("pods", _) => {
            kubelet::end(state, &object);
            ok(object)
        }
        ("jobs", "Background") => {
            end_pods(state, &object);
            remove_job(state, &object);
            let details = json!({ "name": name, "kind": target.plural, "uid": uid });
            ok(json!({
                "kind": "Status", "apiVersion": "v1", "status": "Success", "details": details,
            }))
        }
        ("jobs", "Foreground") => ok(foreground(state, object)),
        // `batch/v1` keeps the pods unless it is told otherwise, and they run on.
        ("jobs", _) => ok(orphan(state, object)),
        _ => {
            state.store.remove(&target.plural, &target.namespace, name);
            ok(object)
        }
    }
}

fn end_pods(state: &mut State, job: &Value) {
    for pod in pods_of(state, job) {
        kubelet::end(state, &pod);
    }
}

pub(crate) fn foreground(state: &mut State, mut job: Value) -> Value {
    if job["metadata"].get("deletionTimestamp").is_none() {
        job["metadata"]["deletionTimestamp"] = now().into();
        job["metadata"]["deletionGracePeriodSeconds"] = 0.into();
        job["metadata"]["finalizers"] = json!([FOREGROUND]);
        job = state.store.put("jobs", job);
    }
    end_pods(state, &job);
    job
}

fn orphan(state: &mut State, mut job: Value) -> Value {
    for mut pod in pods_of(state, &job) {
        pod["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("ownerReferences");
        state.store.put("pods", pod);
    }
    remove_job(state, &job);
    job["metadata"]["deletionTimestamp"] = now().into();
    job["metadata"]["finalizers"] = json!(["orphan"]);
    job
}

/// A Job that is being deleted in the foreground goes with the last of its pods.
pub(crate) fn collect(state: &mut State) {
    for job in state.store.all("jobs") {
        if job["metadata"]["finalizers"] == json!([FOREGROUND]) && pods_of(state, &job).is_empty() {
            remove_job(state, &job);
        }
    }
}

/// What the Job owns goes with it.
fn remove_job(state: &mut State, job: &Value) {
    let uid = text(job, "/metadata/uid");
    let owned = ["workloads", "services"];
    let keys: Vec<_> = state
        .store
        .objects
        .iter()
        .filter(|((plural, _, _), object)| {
            owned.contains(&plural.as_str())
                && text(object, "/metadata/ownerReferences/0/uid") == uid
        })
        .map(|(key, _)| key.clone())
        .collect();
    for (plural, namespace, name) in keys {
        state.store.remove(&plural, &namespace, &name);
    }
    let namespace = text(job, "/metadata/namespace");
    state
        .store
        .remove("jobs", namespace, text(job, "/metadata/name"));
}
