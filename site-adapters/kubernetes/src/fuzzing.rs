//! What a fuzzer gets at: every reader of what an API server sends. Nothing here may panic.

use std::sync::{Arc, LazyLock};

use broker_model::SystemClock;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::{List, ListableResource};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Asked};
use crate::calls::{access, events, kueue, pods};
use crate::config::KubernetesSettings;
use crate::record::JobFacts;
use crate::states::View;
use crate::{KubernetesAdapter, names};

const OPERATION: &str = "fuzz";
const UID: &str = "u-1";

static ADAPTER: LazyLock<Option<KubernetesAdapter>> = LazyLock::new(|| {
    let settings: KubernetesSettings = serde_json::from_value(json!({
        "system": "fuzz",
        "access": { "kind": "in_cluster" },
        "partitions": {
            "gpu": { "gpu_resource": "nvidia.com/gpu", "queue": "gpu" },
            "cpu": { "default_image": "docker://busybox:1" },
        },
    }))
    .ok()?;
    KubernetesAdapter::new(settings, Arc::new(SystemClock)).ok()
});

/// A whole answer: read as each call reads it, and put together as polls and snapshots do.
pub fn answer(status: u16, body: &[u8]) {
    let answer = whole(status, body);
    let _ = (answer.is_absent(), answer.has_reason("AlreadyExists"));
    let _ = answer.refusal(OPERATION, Asked::Write);
    let _ = (access::allowed(&answer), access::served(&answer));
    let _ = (events::warning(&answer, UID), kueue::version(&answer));
    objects(&answer);
    // A recording says little of names and owners; with ours in it more is read.
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        dress(&mut value);
        objects(&whole(status, value.to_string().as_bytes()));
    }
}

/// A stream of watch events, one on each line.
pub fn stream(lines: &[u8]) {
    crate::watch::lines(lines, look);
}

/// Small languages inside of objects.
pub fn words(text: &str) {
    let _ = crate::quantity::milli(text);
    let _ = crate::tasks::indexes(text, u32::MAX);
}

fn whole(status: u16, body: &[u8]) -> Answer {
    Answer {
        status,
        body: bytes::Bytes::copy_from_slice(body),
    }
}

fn objects(answer: &Answer) {
    let queues = kueue::items(answer, kueue::WORKLOADS).unwrap_or_default();
    for one in &queues {
        let _ = (
            one.job_uid(),
            one.waits_for(),
            one.evicted(),
            one.inactive(),
        );
    }
    let (jobs, pods, nodes) = (all::<Job>(answer), all::<Pod>(answer), all::<Node>(answer));
    let facts = pods::facts(&pods);
    let jobs: Vec<JobFacts> = jobs.iter().filter_map(JobFacts::of).collect();
    let views: Vec<View<'_>> = jobs.iter().map(|job| View { job, pods: &facts }).collect();
    for view in &views {
        look(*view);
    }
    if let Some(adapter) = ADAPTER.as_ref() {
        crate::flows::snapshot::offers(adapter, &nodes, &pods, &views);
    }
}

fn all<T: ListableResource + DeserializeOwned>(answer: &Answer) -> Vec<T> {
    let list = answer.read::<List<T>>(OPERATION, Asked::Read);
    let mut all = list.map(|list| list.items).unwrap_or_default();
    all.extend(answer.read_opt::<T>(OPERATION, Asked::Read).ok().flatten());
    all
}

fn look(view: View<'_>) {
    let _ = (view.activity(None), view.tasks(), view.usage());
    let _ = (view.outcome(), crate::logs::sources(view));
}

/// Gives objects the names, labels and times that every stored object of ours has.
fn dress(value: &mut Value) {
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(dress);
        return;
    }
    let meta = value
        .as_object_mut()
        .and_then(|object| map_in(object, "metadata"));
    let Some(meta) = meta else { return };
    for (key, own) in [
        ("name", "job-1"),
        ("namespace", "team-a"),
        ("uid", UID),
        ("creationTimestamp", "2026-11-20T10:00:00Z"),
    ] {
        meta.entry(key).or_insert_with(|| own.into());
    }
    if let Some(labels) = map_in(meta, "labels") {
        labels.insert(names::ATTEMPT.to_owned(), "att_1".into());
        labels.insert(names::CONTROLLER_UID.to_owned(), UID.into());
    }
}

fn map_in<'m>(object: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Map<String, Value>> {
    let slot = object.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded;

    #[test]
    fn the_settings_are_some_and_recordings_are_read_to_the_end() {
        assert!(ADAPTER.is_some());
        let mut job = recorded("success_job_watch")[6]["object"].clone();
        dress(&mut job);
        let jobs = all::<Job>(&whole(200, job.to_string().as_bytes()));
        assert_eq!(jobs.iter().filter_map(JobFacts::of).count(), 1);
    }

    #[test]
    fn amounts_that_no_cluster_has_are_added_up_all_the_same() {
        let most = "99999999999999999999999999999999999";
        let container = |name| json!({ "name": name, "resources": { "limits": { "x.eu/gpu": most, "nvidia.com/gpu": most } } });
        let pod = json!({ "containers": [container("main"), container("b")], "nodeName": "n",
            "activeDeadlineSeconds": i64::MAX });
        let job = json!({ "metadata": {}, "spec": { "completions": i32::MAX, "template": { "spec": pod } } });
        for value in [job, json!({ "metadata": {}, "spec": pod })] {
            let items = vec![value; 3];
            answer(
                200,
                json!({ "metadata": {}, "items": items })
                    .to_string()
                    .as_bytes(),
            );
        }
    }

    #[test]
    fn the_index_of_a_pod_may_be_the_last_there_is() {
        let pod = json!({ "metadata": { "labels": { names::INDEX: u32::MAX.to_string() } } });
        let job = json!({ "metadata": {}, "spec": { "template": {} } });
        let event = |mut object: Value| {
            dress(&mut object);
            json!({ "type": "ADDED", "object": object })
        };
        stream(format!("{}\n{}", event(job), event(pod)).as_bytes());
    }
}
