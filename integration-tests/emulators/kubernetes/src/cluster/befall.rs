//! What befalls a cluster: what its administrators do, and what breaks.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;

use super::{Cluster, NAMESPACE, node};
use crate::faults::Fault;
use crate::store::{set_condition, text};
use crate::{kubelet, kueue};

impl Cluster {
    /// The next request of this method whose address has `path` in it goes wrong.
    pub fn fail_next(&self, method: &str, path: &str, fault: Fault) {
        let method: Method = method.parse().unwrap();
        self.shared.lock().faults.plan(method, path, fault);
    }

    pub fn deny(&self, verb: &str, resource: &str) {
        let right = (verb.to_owned(), resource.to_owned());
        self.shared.lock().denied.insert(right);
    }

    /// The submitter has the same rights in another namespace.
    pub fn add_namespace(&self, name: &str) {
        self.shared.lock().namespaces.insert(name.to_owned());
    }

    pub fn set_quota(&self, resource: &str, hard: i64) {
        self.shared.lock().quotas.insert(resource.to_owned(), hard);
    }

    pub fn remove_image(&self, image: &str) {
        self.remove_image_at("", image);
    }

    /// One node cannot pull the image.
    pub fn remove_image_at(&self, node: &str, image: &str) {
        let missing = (node.to_owned(), image.to_owned());
        self.shared.lock().missing_images.insert(missing);
    }

    pub fn restore_image(&self, image: &str) {
        let mut state = self.shared.lock();
        state.missing_images.retain(|(_, missing)| missing != image);
    }

    /// Watches of a kind lag behind: nothing of it is told until [`Self::catch_up`].
    pub fn fall_behind(&self, plural: &str) {
        self.shared.lock().untold.insert(plural.to_owned());
    }

    pub fn catch_up(&self, plural: &str) {
        self.shared.lock().untold.remove(plural);
    }

    pub fn add_node(&self, name: &str, gpus: u32) {
        self.change(|state| {
            state.store.put("nodes", node(name, gpus));
        });
    }

    pub fn cordon(&self, name: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            node["spec"]["unschedulable"] = true.into();
            state.store.put("nodes", node);
        });
    }

    /// Installs Kueue with a `LocalQueue` named `gpu` that has `gpus` accelerators.
    pub fn install_kueue(&self, gpus: i64) {
        self.change(|state| kueue::install(state, gpus));
    }

    /// Makes a `LocalQueue` named `default`: Kueue gives its label to Jobs without one.
    pub fn queue_by_default(&self) {
        self.change(kueue::queue_by_default);
    }

    /// What was evicted is admitted again.
    pub fn readmit(&self, job: &str) {
        self.change(|state| kueue::readmit(state, job));
    }

    /// The submitter has these rights from now on and no other: verb, and resource as `pods/log`.
    pub fn grant_only(&self, rights: impl IntoIterator<Item = (String, String)>) {
        self.shared.lock().granted = Some(rights.into_iter().collect());
    }

    /// The rights that requests needed so far.
    pub fn rights_used(&self) -> BTreeSet<(String, String)> {
        self.shared.lock().used.clone()
    }

    /// The kubelet begins a new file for the log of a Job's pods, as at `containerLogMaxSize`.
    pub fn rotate_logs(&self, job: &str) {
        kubelet::rotate_logs(&self.shared.lock(), job);
    }

    /// Every pod of a Job's is forbidden from now on, with these words.
    pub fn refuse_pods(&self, words: &str) {
        words.clone_into(&mut self.shared.lock().refused_pods);
    }

    /// Pods that are over go, as by `--terminated-pod-gc-threshold`.
    pub fn sweep_pods(&self) {
        self.change(|state| {
            for pod in state.store.all("pods") {
                if matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed") {
                    let name = text(&pod, "/metadata/name");
                    state.store.remove("pods", NAMESPACE, name);
                }
            }
        });
    }

    pub fn taint(&self, name: &str, key: &str, effect: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            node["spec"]["taints"] = json!([{ "key": key, "effect": effect }]);
            state.store.put("nodes", node);
        });
    }

    /// A more urgent workload takes the place of the Job of this name.
    pub fn evict(&self, job: &str) {
        self.change(|state| kueue::evict(state, job));
    }

    /// The scheduler removes the Job's pods for a more urgent one.
    pub fn preempt(&self, job: &str) {
        self.change(|state| {
            kubelet::disrupt(
                state,
                job,
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            );
        });
    }

    /// The kernel ends the Job's containers for want of memory.
    pub fn out_of_memory(&self, job: &str) {
        self.change(|state| kubelet::out_of_memory(state, job));
    }

    /// The kubelet of a node is gone: its pods are marked, and no one ends them.
    pub fn lose_node(&self, name: &str) {
        self.change(|state| {
            let mut node = state.store.get("nodes", "", name).unwrap().clone();
            set_condition(
                &mut node,
                "Ready",
                "Unknown",
                "NodeStatusUnknown",
                "Kubelet stopped posting node status.",
            );
            node["spec"]["taints"] = json!([
                { "key": "node.kubernetes.io/unreachable", "effect": "NoExecute" },
                { "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule" },
            ]);
            state.store.put("nodes", node);
            state.lost_nodes.insert(name.to_owned());
            kubelet::disrupt_node(state, name);
        });
    }

    pub fn find_node(&self, name: &str) {
        self.change(|state| {
            state.store.put("nodes", node(name, 4));
            state.lost_nodes.remove(name);
        });
    }
}
