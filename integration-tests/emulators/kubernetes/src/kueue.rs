//! Kueue: a webhook that suspends queued Jobs, and a controller that admits them within a quota.

use serde_json::{Value, json};

use crate::cluster::{NAMESPACE, State};
use crate::status::{Reply, refused};
use crate::store::{has_condition, set_condition, text};

const QUEUE: &str = "/metadata/labels/kueue.x-k8s.io~1queue-name";
const FLAVOR: &str = "h200";
const PRIORITY: &str = "/metadata/labels/kueue.x-k8s.io~1priority-class";

#[derive(Debug)]
pub(crate) struct Kueue {
    gpus: i64,
    /// Not admitted again for now.
    evicted: Vec<String>,
    /// The namespace has a `LocalQueue` named `default`, which Jobs that name none get.
    has_default: bool,
}

const DEFAULT: &str = "default";

pub(crate) fn queue_by_default(state: &mut State) {
    if let Some(kueue) = &mut state.kueue {
        kueue.has_default = true;
        state.store.put("localqueues", local_queue(DEFAULT));
    }
}

/// What it took off may come back.
pub(crate) fn readmit(state: &mut State, name: &str) {
    if let Some(kueue) = &mut state.kueue {
        kueue.evicted.retain(|evicted| evicted != name);
    }
}

fn local_queue(name: &str) -> Value {
    let mut queue = json!({
        "kind": "LocalQueue", "apiVersion": "kueue.x-k8s.io/v1beta2",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "clusterQueue": "gpu-cq", "stopPolicy": "None" },
        "status": { "pendingWorkloads": 0 },
    });
    let words = "Can submit new workloads to clusterQueue";
    set_condition(&mut queue, "Active", "True", "Ready", words);
    queue
}

pub(crate) fn install(state: &mut State, gpus: i64) {
    state.kueue = Some(Kueue {
        gpus,
        evicted: Vec::new(),
        has_default: false,
    });
    state.store.put("localqueues", local_queue("gpu"));
    state.store.put(
        "clusterqueues",
        json!({
            "kind": "ClusterQueue", "apiVersion": "kueue.x-k8s.io/v1beta2",
            "metadata": { "name": "gpu-cq" },
            "spec": { "namespaceSelector": {}, "stopPolicy": "None", "resourceGroups": [{
                "coveredResources": ["nvidia.com/gpu"],
                // As its author wrote it: a number, not a string.
                "flavors": [{ "name": FLAVOR, "resources": [
                    { "name": "nvidia.com/gpu", "nominalQuota": gpus },
                ] }],
            }] },
            "status": {},
        }),
    );
    state.store.put(
        "resourceflavors",
        json!({
            "kind": "ResourceFlavor", "apiVersion": "kueue.x-k8s.io/v1beta2",
            "metadata": { "name": FLAVOR }, "spec": { "nodeLabels": {} },
        }),
    );
}

/// What the admitted workloads hold, as the `ClusterQueue` tells it.
fn reserve(state: &mut State, used: i64) {
    if let Some(mut queue) = state.store.get("clusterqueues", "", "gpu-cq").cloned() {
        queue["status"]["flavorsReservation"] = json!([{ "name": FLAVOR, "resources": [
            { "name": "nvidia.com/gpu", "total": used.to_string(), "borrowed": "0" },
        ] }]);
        state.store.put("clusterqueues", queue);
    }
}

/// The mutating and the validating webhook.
pub(crate) fn admit(state: &State, job: &mut Value) -> Option<Reply> {
    let kueue = state.kueue.as_ref()?;
    if text(job, QUEUE).is_empty() && kueue.has_default {
        job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = DEFAULT.into();
    }
    let queue = text(job, QUEUE);
    if queue.is_empty() {
        return None;
    }
    let plain = queue
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain {
        let words = format!(
            "admission webhook \"vjob.kb.io\" denied the request: \
             metadata.labels[kueue.x-k8s.io/queue-name]: Invalid value: \"{queue}\": a lowercase RFC \
             1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
        );
        return Some(refused(403, "Forbidden", &words));
    }
    job["spec"]["suspend"] = true.into();
    None
}

/// The validating webhook on updates (`validateUpdateForQueueName`).
pub(crate) fn forbids(state: &State, before: &Value, after: &Value) -> Option<Reply> {
    let kueue = state.kueue.as_ref()?;
    let (old, new) = (text(before, QUEUE), text(after, QUEUE));
    let words = if old == new {
        return None;
    } else if after["spec"]["suspend"] != true {
        format!("Invalid value: \"{new}\": field is immutable")
    } else if new.is_empty() && kueue.has_default {
        "Invalid value: \"\": queue-name must not be empty in namespace with default queue"
            .to_owned()
    } else {
        return None;
    };
    let words = format!(
        "admission webhook \"vjob.kb.io\" denied the request: \
         metadata.labels[kueue.x-k8s.io/queue-name]: {words}"
    );
    Some(refused(403, "Forbidden", &words))
}

fn gpus_of(job: &Value) -> i64 {
    if job["spec"]["parallelism"] == 0 {
        return 0;
    }
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    text(container, "/resources/limits/nvidia.com~1gpu")
        .parse()
        .unwrap_or(0)
}

pub(crate) fn reconcile(state: &mut State) {
    let Some(kueue) = &state.kueue else { return };
    let (hard, evicted) = (kueue.gpus, kueue.evicted.clone());
    let has_default = kueue.has_default;
    let jobs = state.store.all("jobs");
    let queued: Vec<&Value> = jobs
        .iter()
        .filter(|job| !text(job, QUEUE).is_empty())
        .collect();
    let runs = |job: &&&Value| {
        job["spec"]["suspend"] == false
            && !has_condition(job, "Complete")
            && !has_condition(job, "Failed")
    };
    let mut used: i64 = queued.iter().filter(runs).map(|job| gpus_of(job)).sum();
    for job in queued {
        if job["spec"]["suspend"] != true || has_condition(job, "Failed") {
            continue;
        }
        if !text(job, PRIORITY).is_empty() {
            no_class(state, job);
            continue;
        }
        let mut workload = workload(state, job);
        let wanted = gpus_of(job);
        let queue = match text(job, QUEUE) {
            DEFAULT if has_default => "gpu",
            named => named,
        };
        if evicted.contains(&text(job, "/metadata/name").to_owned()) {
            continue;
        }
        if let Some((reason, words)) = waits(queue, wanted, used, hard) {
            set_condition(&mut workload, "QuotaReserved", "False", reason, &words);
        } else {
            used += wanted;
            set_condition(
                &mut workload,
                "QuotaReserved",
                "True",
                "QuotaReserved",
                "Quota reserved in ClusterQueue gpu-cq",
            );
            set_condition(
                &mut workload,
                "Admitted",
                "True",
                "Admitted",
                "The workload is admitted",
            );
            let mut job = job.clone();
            job["spec"]["suspend"] = false.into();
            set_condition(&mut job, "Suspended", "False", "JobResumed", "Job resumed");
            state.store.put("jobs", job);
        }
        state.store.put("workloads", workload);
    }
    reserve(state, used);
}

/// Why it is not admitted.
fn waits(queue: &str, wanted: i64, used: i64, hard: i64) -> Option<(&'static str, String)> {
    let flavors = "couldn't assign flavors to pod set main: insufficient";
    if queue != "gpu" {
        let words = format!("LocalQueue {queue} doesn't exist");
        return Some(("Misconfigured", words));
    }
    if wanted > hard {
        let words = format!(
            "{flavors} quota for nvidia.com/gpu in flavor h200, previously considered podsets \
             requests (0) + current podset request ({wanted}) > maximum capacity ({hard})"
        );
        return Some(("ExceedsMaxQuota", words));
    }
    let missing = used + wanted - hard;
    (missing > 0).then(|| {
        let words = format!(
            "{flavors} unused quota for nvidia.com/gpu in flavor h200, {missing} more needed"
        );
        ("WaitingForQuota", words)
    })
}

fn workload(state: &State, job: &Value) -> Value {
    let name = format!("job-{}-3b2c1", text(job, "/metadata/name"));
    if let Some(known) = state
        .store
        .get("workloads", text(job, "/metadata/namespace"), &name)
    {
        return known.clone();
    }
    let uid = text(job, "/metadata/uid");
    json!({
        "kind": "Workload", "apiVersion": "kueue.x-k8s.io/v1beta2",
        "metadata": {
            "name": name, "namespace": text(job, "/metadata/namespace"),
            "labels": { "kueue.x-k8s.io/job-uid": uid },
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "uid": uid }],
        },
        "status": {},
    })
}

/// A priority class that is not there: no Workload at all, only an event.
fn no_class(state: &mut State, job: &Value) {
    let class = text(job, PRIORITY).to_owned();
    let uid = text(job, "/metadata/uid").to_owned();
    let told = state.store.all("events");
    if !told
        .iter()
        .any(|event| text(event, "/involvedObject/uid") == uid)
    {
        let words = format!("WorkloadPriorityClass \"{class}\" not found");
        state
            .store
            .event(job, "WorkloadPriorityClassNotFound", &words);
    }
}

pub(crate) fn evict(state: &mut State, name: &str) {
    let Some(mut job) = state.store.get("jobs", NAMESPACE, name).cloned() else {
        return;
    };
    let mut workload = workload(state, &job);
    let words = "Preempted to accommodate a workload (UID: da61490f) due to prioritization in the ClusterQueue";
    set_condition(&mut workload, "Evicted", "True", "Preempted", words);
    set_condition(&mut workload, "Preempted", "True", "InClusterQueue", words);
    set_condition(&mut workload, "QuotaReserved", "False", "Pending", words);
    state.store.put("workloads", workload);
    job["spec"]["suspend"] = true.into();
    job["metadata"]["annotations"]["kueue.x-k8s.io/stopping"] = "true".into();
    state.store.put("jobs", job);
    if let Some(kueue) = &mut state.kueue {
        kueue.evicted.push(name.to_owned());
    }
}
