//! Binds pods to nodes that have what they ask for.

use serde_json::{Value, json};

use crate::cluster::State;
use crate::store::{now, set_condition, text};

pub(crate) fn bind(state: &mut State) {
    let pods = state.store.each("pods");
    let waiting = pods.filter(|pod| {
        text(pod, "/spec/nodeName").is_empty() && pod["metadata"].get("deletionTimestamp").is_none()
    });
    for pod in &waiting.cloned().collect::<Vec<Value>>() {
        let nodes = state.store.all("nodes");
        let reasons: Vec<(String, Option<String>)> = nodes
            .iter()
            .map(|node| {
                (
                    text(node, "/metadata/name").to_owned(),
                    unfit(state, node, pod),
                )
            })
            .collect();
        let mut pod = pod.clone();
        if let Some((node, _)) = reasons.iter().find(|(_, why)| why.is_none()) {
            pod["spec"]["nodeName"] = node.clone().into();
            pod["status"]["conditions"] = json!([]);
            set_condition(&mut pod, "PodScheduled", "True", "", "");
            pod["status"]["startTime"] = now().into();
            pod["status"]["containerStatuses"] = json!([{
                "name": "main", "ready": false, "restartCount": 0,
                "state": { "waiting": { "reason": "ContainerCreating" } },
            }]);
        } else {
            let all: Vec<String> = reasons
                .iter()
                .map(|(_, why)| format!("1 {}", why.as_deref().unwrap_or("")))
                .collect();
            let words = format!("0/{} nodes are available: {}.", nodes.len(), all.join(", "));
            set_condition(&mut pod, "PodScheduled", "False", "Unschedulable", &words);
        }
        state.store.put("pods", pod);
    }
}

fn gpus(object: &Value, pointer: &str) -> i64 {
    text(object, pointer).parse().unwrap_or(0)
}

fn unfit(state: &State, node: &Value, pod: &Value) -> Option<String> {
    if node["spec"]["unschedulable"] == true
        || state.lost_nodes.contains(text(node, "/metadata/name"))
    {
        return Some("node(s) were unschedulable".to_owned());
    }
    let wanted = pod["spec"]["nodeSelector"].as_object();
    let labels = &node["metadata"]["labels"];
    if wanted
        .into_iter()
        .flatten()
        .any(|(key, value)| labels[key] != *value)
    {
        return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let taints = node["spec"]["taints"].as_array();
    if let Some(taint) = taints.into_iter().flatten().find(|t| !tolerates(pod, t)) {
        let key = text(taint, "/key");
        return Some(format!("node(s) had untolerated taint {{{key}: }}"));
    }
    let limit = "/spec/containers/0/resources/limits/nvidia.com~1gpu";
    let name = text(node, "/metadata/name");
    let here = state.store.each("pods").filter(|other| {
        text(other, "/spec/nodeName") == name
            && !matches!(text(other, "/status/phase"), "Succeeded" | "Failed")
    });
    let taken: i64 = here.map(|other| gpus(other, limit)).sum();
    let free = gpus(node, "/status/allocatable/nvidia.com~1gpu") - taken;
    (gpus(pod, limit) > free).then(|| "Insufficient nvidia.com/gpu".to_owned())
}

fn tolerates(pod: &Value, taint: &Value) -> bool {
    let same = |toleration: &Value, field: &str| {
        let wanted = text(toleration, field);
        wanted.is_empty() || wanted == text(taint, field)
    };
    let all = pod["spec"]["tolerations"].as_array();
    text(taint, "/effect") == "PreferNoSchedule"
        || all.into_iter().flatten().any(|own| {
            ["/key", "/value", "/effect"]
                .iter()
                .all(|field| same(own, field))
        })
}
