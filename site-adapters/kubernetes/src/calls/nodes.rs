use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node as Recorded, NodeSpec, NodeStatus};

use crate::config::{PartitionSettings, TolerationSettings};
use crate::quantity;

pub(crate) const LIST: &str = "GET nodes";
pub(crate) const PATH: &str = "/api/v1/nodes";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taint {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) effect: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// Why its kubelet is not ready, or that nothing is heard of it.
    pub(crate) unready: Option<String>,
    pub(crate) cordoned: bool,
    pub(crate) taints: Vec<Taint>,
    /// In thousandths, by resource.
    pub(crate) allocatable: BTreeMap<String, i128>,
}

impl Node {
    pub(crate) fn of(node: &Recorded) -> Option<Self> {
        let (no_spec, no_status) = (NodeSpec::default(), NodeStatus::default());
        let spec = node.spec.as_ref().unwrap_or(&no_spec);
        let status = node.status.as_ref().unwrap_or(&no_status);
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let ready = conditions.iter().find(|c| c.type_ == "Ready");
        let taints = spec.taints.as_deref().unwrap_or_default().iter();
        let amounts = status.allocatable.iter().flatten();
        Some(Self {
            name: node.metadata.name.clone()?,
            labels: node.metadata.labels.clone().unwrap_or_default(),
            unready: match ready {
                Some(ready) if ready.status == "True" => None,
                Some(ready) => ready.reason.clone().or_else(|| Some(ready.status.clone())),
                None => Some("it has told nothing yet".to_owned()),
            },
            cordoned: spec.unschedulable.unwrap_or(false),
            taints: taints
                .map(|taint| Taint {
                    key: taint.key.clone(),
                    value: taint.value.clone().unwrap_or_default(),
                    effect: taint.effect.clone(),
                })
                .collect(),
            allocatable: amounts
                .filter_map(|(name, q)| Some((name.clone(), quantity::milli(&q.0)?)))
                .collect(),
        })
    }

    /// Whether the partition's jobs go there as a rule.
    pub(crate) fn is_in(&self, partition: &PartitionSettings) -> bool {
        let mut wanted = partition.node_selector.iter();
        wanted.all(|(key, value)| self.labels.get(key) == Some(value))
            && partition
                .gpu_resource
                .as_ref()
                .is_none_or(|gpu| self.allocatable.contains_key(gpu))
    }

    /// Why it takes no job of the partition's for now.
    pub(crate) fn out_of_service(&self, partition: &PartitionSettings) -> Option<String> {
        if let Some(why) = &self.unready {
            return Some(format!("not ready ({why})"));
        }
        if self.cordoned {
            return Some("cordoned".to_owned());
        }
        let mut hard = self.taints.iter().filter(|taint| {
            matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
                && !partition.tolerations.iter().any(|t| tolerates(t, taint))
        });
        hard.next()
            .map(|taint| format!("tainted {}:{}", taint.key, taint.effect))
    }

    pub(crate) fn amount(&self, resource: &str) -> i128 {
        self.allocatable.get(resource).copied().unwrap_or(0)
    }
}

fn tolerates(toleration: &TolerationSettings, taint: &Taint) -> bool {
    let fits = |own: &Option<String>, other: &str| own.as_ref().is_none_or(|own| own == other);
    fits(&toleration.key, &taint.key)
        && fits(&toleration.value, &taint.value)
        && fits(&toleration.effect, &taint.effect)
}
