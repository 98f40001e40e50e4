use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use site_adapter::Result;

use crate::client::{Request, get};
use crate::quantity;
use crate::record::PodFacts;

pub(crate) const LIST: &str = "GET pods";

pub(crate) fn collection(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

/// The pods of one Job.
pub(crate) fn of_job(namespace: &str, uid: &str) -> Result<Request> {
    let selector = "labelSelector=batch.kubernetes.io%2Fcontroller-uid%3D";
    get(LIST, &format!("{}?{selector}{uid}", collection(namespace)))
}

pub(crate) fn facts(pods: &[Pod]) -> Vec<PodFacts> {
    let mut all: Vec<PodFacts> = pods.iter().filter_map(PodFacts::of).collect();
    all.sort_by(|a, b| (a.index, a.created_at, &a.name).cmp(&(b.index, b.created_at, &b.name)));
    all
}

/// What takes room on nodes: pods that are not over, of everybody.
pub(crate) const EVERYBODYS: &str = "/api/v1/pods";
pub(crate) const NOT_OVER: &str =
    "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

/// A pod as it counts for capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) node: Option<String>,
    /// What the scheduler sets aside for it, in thousandths, by resource.
    pub(crate) requests: Amounts,
    pub(crate) of_a_job: bool,
}

pub(crate) type Amounts = BTreeMap<String, i128>;

impl Guest {
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        // The field selector says it; a server that does not heed it must not make nodes look full.
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return None;
        }
        Some(Self {
            node: spec.node_name.clone(),
            requests: requests(spec),
            of_a_job: owners.iter().any(|owner| owner.kind == "Job"),
        })
    }
}

/// As the scheduler counts: the containers and side-cars together, or the largest of those that run before
/// them; what the pod says as a whole goes before both, and its runtime's overhead comes on top.
///
/// Source: `k8s.io/component-helpers/resource/helpers.go`, `PodRequests`.
fn requests(spec: &PodSpec) -> Amounts {
    let mut sum = Amounts::new();
    for container in &spec.containers {
        add(&mut sum, &asked(container.resources.as_ref()));
    }
    let mut before = Amounts::new();
    let mut beside = Amounts::new();
    for first in spec.init_containers.iter().flatten() {
        let own = asked(first.resources.as_ref());
        if first.restart_policy.as_deref() == Some("Always") {
            add(&mut sum, &own);
            add(&mut beside, &own);
            at_least(&mut before, &beside);
        } else {
            let mut with = beside.clone();
            add(&mut with, &own);
            at_least(&mut before, &with);
        }
    }
    at_least(&mut sum, &before);
    sum.extend(asked(spec.resources.as_ref()));
    add(&mut sum, &read(spec.overhead.as_ref()));
    sum
}

/// Requests; the API server makes them of limits where a pod names only those.
fn asked(resources: Option<&ResourceRequirements>) -> Amounts {
    let Some(resources) = resources else {
        return Amounts::new();
    };
    let mut all = read(resources.limits.as_ref());
    all.extend(read(resources.requests.as_ref()));
    all
}

fn read(amounts: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    let each = amounts.into_iter().flatten();
    each.filter_map(|(name, amount)| Some((name.clone(), quantity::milli(&amount.0)?)))
        .collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *sum.entry(name.clone()).or_insert(0) += amount;
    }
}

fn at_least(sum: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let known = sum.entry(name.clone()).or_insert(0);
        *known = (*known).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn guest(spec: &Value) -> Amounts {
        let pod = json!({ "metadata": { "name": "p" }, "spec": spec });
        Guest::of(&serde_json::from_value(pod).unwrap())
            .unwrap()
            .requests
    }

    fn asks(cpu: &str) -> Value {
        json!({ "name": "c", "resources": { "requests": { "cpu": cpu } } })
    }

    #[test]
    fn a_pod_takes_what_the_scheduler_sets_aside_for_it() {
        let mut sidecar = asks("1");
        sidecar["restartPolicy"] = "Always".into();
        let plain = guest(&json!({ "containers": [asks("1"), asks("500m")] }));
        assert_eq!(plain["cpu"], 1500);
        let first = guest(&json!({ "containers": [asks("1")], "initContainers": [asks("4")] }));
        assert_eq!(first["cpu"], 4000);
        let beside = json!({ "containers": [asks("1")], "initContainers": [sidecar, asks("4")],
            "overhead": { "cpu": "250m" } });
        assert_eq!(guest(&beside)["cpu"], 5250);
        let limits = json!({ "containers": [{ "name": "c",
            "resources": { "limits": { "nvidia.com/gpu": "2" } } }] });
        assert_eq!(guest(&limits)["nvidia.com/gpu"], 2000);
    }
}
