//! The job controller: from a Job to its pods, and from their ends to its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::older_than;
use crate::cluster::{State, pods_of};
use crate::store::{has_condition, now, set_condition, text};
use crate::{deletion, kubelet};

/// A pod's part in its Job.
struct Part {
    pod: Value,
    index: u64,
    phase: String,
}

impl Part {
    fn is_over(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

/// What is counted of a Job's pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    completed: BTreeSet<u64>,
    failed: BTreeSet<u64>,
}

fn index_of(pod: &Value) -> u64 {
    let label = "/metadata/labels/batch.kubernetes.io~1job-completion-index";
    text(pod, label).parse().unwrap_or(0)
}

/// Counts a pod that is over; its Job's controller does so before it lets the pod go.
pub(crate) fn remember(state: &mut State, pod: &Value) {
    let (namespace, owner) = ("/metadata/namespace", "/metadata/ownerReferences/0/name");
    let job = state
        .store
        .get("jobs", text(pod, namespace), text(pod, owner));
    let ignored = job.is_some_and(|job| kubelet::is_ignored(job, pod));
    let uid = text(pod, "/metadata/ownerReferences/0/uid").to_owned();
    let ends = state.ends.entry(uid).or_default();
    if text(pod, "/status/phase") == "Succeeded" {
        ends.completed.insert(index_of(pod));
    } else if !ignored {
        ends.failed.insert(index_of(pod));
    }
}

/// Whether there is anything to do about a Job.
pub(crate) fn is_due(job: &Value) -> bool {
    !is_over(job) || is_expired(job)
}

fn is_over(job: &Value) -> bool {
    has_condition(job, "Complete") || has_condition(job, "Failed")
}

fn is_expired(job: &Value) -> bool {
    let Some(ttl) = job["spec"]["ttlSecondsAfterFinished"].as_f64() else {
        return false;
    };
    let mut ended = job["status"]["conditions"].as_array().into_iter().flatten();
    ended.any(|c| {
        (c["type"] == "Complete" || c["type"] == "Failed")
            && older_than(c, "/lastTransitionTime", ttl)
    })
}

pub(crate) fn reconcile(state: &mut State, mut job: Value) {
    if is_over(&job) {
        if is_expired(&job) {
            expire(state, &job);
        }
        return;
    }
    let parts: Vec<Part> = pods_of(state, &job)
        .into_iter()
        .map(|pod| Part {
            index: index_of(&pod),
            phase: text(&pod, "/status/phase").to_owned(),
            pod,
        })
        .collect();
    let failed_before: u64 = job["status"]["failed"].as_u64().unwrap_or(0);
    if job["spec"]["suspend"] == true {
        suspend(state, &mut job, &parts);
        state.store.put("jobs", job);
        return;
    }
    if job["status"].get("startTime").is_none() {
        job["status"]["startTime"] = now().into();
    }
    let ends = state.ends.get(text(&job, "/metadata/uid")).cloned();
    let ends = ends.unwrap_or_default();
    count(&mut job, &parts, &ends, failed_before);
    decide(state, &mut job, &parts);
    let deleting = job["metadata"].get("deletionTimestamp").is_some();
    if !deleting && !has_condition(&job, "FailureTarget") && !has_condition(&job, "Complete") {
        make_pods(state, &mut job, &parts, &ends);
    }
    state.store.put("jobs", job);
}

/// In the foreground: marked first, gone with its pods.
fn expire(state: &mut State, job: &Value) {
    deletion::foreground(state, job.clone());
}

fn suspend(state: &mut State, job: &mut Value, parts: &[Part]) {
    set_condition(job, "Suspended", "True", "JobSuspended", "Job suspended");
    let status = job["status"].as_object_mut().unwrap();
    status.remove("startTime");
    status.remove("active");
    status.remove("ready");
    for part in parts.iter().filter(|part| !part.is_over()) {
        kubelet::end(state, &part.pod);
    }
}

/// Counts of pods; a pod that is gone stays counted as failed.
fn count(job: &mut Value, parts: &[Part], ends: &Ends, failed_before: u64) {
    let active = parts.iter().filter(|part| !part.is_over()).count();
    let ready = parts.iter().filter(|part| part.phase == "Running").count();
    let succeeded = &ends.completed;
    let failed = parts.iter().filter(|part| part.phase == "Failed").count() as u64;
    let indexed = job["spec"]["completionMode"] == "Indexed";
    let per_index = job["spec"].get("backoffLimitPerIndex").is_some();
    let status = &mut job["status"];
    status["active"] = active.into();
    status["ready"] = ready.into();
    if !succeeded.is_empty() {
        status["succeeded"] = succeeded.len().into();
    }
    let failed = if per_index {
        ends.failed.len() as u64
    } else {
        failed
    };
    if failed.max(failed_before) > 0 {
        status["failed"] = failed.max(failed_before).into();
    }
    if indexed {
        status["completedIndexes"] = ranges(succeeded).into();
    }
    if per_index {
        status["failedIndexes"] = ranges(&ends.failed).into();
    }
}

/// `1,3-5`.
fn ranges(indexes: &BTreeSet<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *index => *end = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let words: Vec<String> = runs
        .iter()
        .map(|(from, to)| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}-{to}")
            }
        })
        .collect();
    words.join(",")
}

fn decide(state: &mut State, job: &mut Value, parts: &[Part]) {
    let completions = job["spec"]["completions"].as_u64().unwrap_or(1);
    let per_index = job["spec"].get("backoffLimitPerIndex").is_some();
    let limit = job["spec"]["backoffLimit"].as_u64().unwrap_or(6);
    let succeeded = job["status"]["succeeded"].as_u64().unwrap_or(0);
    let failed = job["status"]["failed"].as_u64().unwrap_or(0);
    let deadline = job["spec"]["activeDeadlineSeconds"].as_f64();
    let active = parts.iter().any(|part| !part.is_over());
    if succeeded >= completions {
        let words = "Reached expected number of succeeded pods";
        set_condition(
            job,
            "SuccessCriteriaMet",
            "True",
            "CompletionsReached",
            words,
        );
        set_condition(job, "Complete", "True", "CompletionsReached", words);
        job["status"]["completionTime"] = now().into();
        return;
    }
    let disrupted = parts
        .iter()
        .find(|part| has_condition(&part.pod, "DisruptionTarget"));
    let action = text(job, "/spec/podFailurePolicy/rules/0/action").to_owned();
    if deadline.is_some_and(|d| older_than(&job["status"], "/startTime", d)) {
        let words = "Job was active longer than specified deadline";
        set_condition(job, "FailureTarget", "True", "DeadlineExceeded", words);
    } else if let Some(part) =
        disrupted.filter(|part| part.phase == "Failed" && action == "FailJob")
    {
        let words = format!(
            "Pod {}/{} has condition DisruptionTarget matching FailJob rule at index 0",
            text(&part.pod, "/metadata/namespace"),
            text(&part.pod, "/metadata/name")
        );
        set_condition(job, "FailureTarget", "True", "PodFailurePolicy", &words);
    } else if per_index && !active && succeeded + failed >= completions {
        set_condition(
            job,
            "FailureTarget",
            "True",
            "FailedIndexes",
            "Job has failed indexes",
        );
    } else if !per_index && failed > limit && !(disrupted.is_some() && action == "Ignore") {
        let words = "Job has reached the specified backoff limit";
        set_condition(job, "FailureTarget", "True", "BackoffLimitExceeded", words);
    }
    if !has_condition(job, "FailureTarget") {
        return;
    }
    for part in parts.iter().filter(|part| !part.is_over()) {
        kubelet::end(state, &part.pod);
    }
    if !active {
        let target = job["status"]["conditions"].as_array().unwrap().iter();
        let target = target
            .clone()
            .find(|c| c["type"] == "FailureTarget")
            .unwrap()
            .clone();
        let (reason, message) = (
            text(&target, "/reason").to_owned(),
            text(&target, "/message").to_owned(),
        );
        set_condition(job, "Failed", "True", &reason, &message);
    }
}

fn make_pods(state: &mut State, job: &mut Value, parts: &[Part], ends: &Ends) {
    let completions = job["spec"]["completions"].as_u64().unwrap_or(1);
    let parallelism = job["spec"]["parallelism"].as_u64().unwrap_or(1);
    let per_index = job["spec"].get("backoffLimitPerIndex").is_some();
    let mut active = parts.iter().filter(|part| !part.is_over()).count() as u64;
    let indexed = job["spec"]["completionMode"] == "Indexed";
    for index in 0..completions {
        let taken = parts
            .iter()
            .any(|part| part.index == index && (part.phase != "Failed" || per_index));
        let over = ends.completed.contains(&index) || (per_index && ends.failed.contains(&index));
        if taken || over || active >= parallelism {
            continue;
        }
        let gpus = text(
            &job["spec"]["template"]["spec"]["containers"][0],
            "/resources/limits/nvidia.com~1gpu",
        );
        let gpus: i64 = gpus.parse().unwrap_or(0);
        if !state.refused_pods.is_empty() {
            let words = state.refused_pods.clone();
            refuse_pod(state, job, &words);
            return;
        }
        let quota = state.quotas.get("requests.nvidia.com/gpu").copied();
        if let Some(hard) = quota.filter(|hard| gpus > *hard) {
            let words = format!(
                "exceeded quota: gpu, requested: requests.nvidia.com/gpu={gpus}, used: \
                 requests.nvidia.com/gpu=0, limited: requests.nvidia.com/gpu={hard}"
            );
            refuse_pod(state, job, &words);
            return;
        }
        let pod = pod_of(state, job, indexed.then_some(index));
        state.store.put("pods", pod);
        active += 1;
    }
}

/// The Job was let in and its pods are kept out: only events tell.
fn refuse_pod(state: &mut State, job: &Value, why: &str) {
    let uid = text(job, "/metadata/uid");
    let told = state.store.all("events");
    if told
        .iter()
        .any(|e| text(e, "/involvedObject/uid") == uid && e["reason"] == "FailedCreate")
    {
        return;
    }
    let name = text(job, "/metadata/name");
    let words = format!("Error creating: pods \"{name}-zdr48\" is forbidden: {why}");
    state.store.event(job, "FailedCreate", &words);
}

fn pod_of(state: &mut State, job: &Value, index: Option<u64>) -> Value {
    let template = &job["spec"]["template"];
    let (name, uid) = (text(job, "/metadata/name"), text(job, "/metadata/uid"));
    let own = state.store.uid();
    let mut labels = template["metadata"]["labels"].clone();
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("job-name", name),
    ] {
        labels[key] = value.into();
    }
    let mut annotations = json!({});
    let mut spec = template["spec"].clone();
    let number = index.map(|index| format!("{index}-")).unwrap_or_default();
    if let Some(index) = index {
        labels["batch.kubernetes.io/job-completion-index"] = index.to_string().into();
        annotations["batch.kubernetes.io/job-completion-index"] = index.to_string().into();
        spec["hostname"] = format!("{name}-{index}").into();
    }
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": format!("{name}-{number}{}", &own[3..8]),
            "namespace": text(job, "/metadata/namespace"),
            "uid": own,
            "labels": labels,
            "annotations": annotations,
            "creationTimestamp": now(),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": true,
            }],
        },
        "spec": spec,
        "status": { "phase": "Pending", "qosClass": "Guaranteed" },
    })
}
