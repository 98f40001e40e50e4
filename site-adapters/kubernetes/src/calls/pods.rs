use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use site_adapter::Result;

use crate::client::{Request, get};
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
    /// By resource, of those with a domain.
    pub(crate) accelerators: BTreeMap<String, i128>,
    pub(crate) of_a_job: bool,
}

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
            accelerators: accelerators(spec),
            of_a_job: owners.iter().any(|owner| owner.kind == "Job"),
        })
    }
}

fn accelerators(spec: &k8s_openapi::api::core::v1::PodSpec) -> BTreeMap<String, i128> {
    let mut sum = BTreeMap::new();
    let resources = spec.containers.iter().filter_map(|c| c.resources.as_ref());
    for (name, quantity) in resources.filter_map(|r| r.limits.as_ref()).flatten() {
        let value = crate::quantity::milli(&quantity.0);
        if let Some(value) = value.filter(|_| crate::record::is_accelerator(name)) {
            *sum.entry(name.clone()).or_insert(0) += value;
        }
    }
    sum
}
