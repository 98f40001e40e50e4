//! Kueue's `ClusterQueue`s and `ResourceFlavor`s: how much of a resource a queue's jobs may have at once.
//!
//! `v1beta1` and `v1beta2` differ here in the name of the cohort alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use site_adapter::Result;

use super::kueue::Meta;
use crate::answer::{Answer, Asked};
use crate::client::{Request, get};
use crate::quantity;

pub(crate) const QUEUES: &str = "GET clusterqueues";
pub(crate) const FLAVORS: &str = "GET resourceflavors";

/// In thousandths. The field is an integer or a string, as whoever wrote it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) i128);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        let amount = quantity::milli(&text);
        amount
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a quantity"))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ClusterQueue {
    pub(crate) metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default, alias = "cohortName")]
    cohort: Option<String>,
    #[serde(default)]
    resource_groups: Vec<Group>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Group {
    #[serde(default)]
    flavors: Vec<Flavor<Limits>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Flavor<R> {
    #[serde(default)]
    name: String,
    #[serde(default = "Vec::new")]
    resources: Vec<R>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    #[serde(default)]
    name: String,
    #[serde(default)]
    nominal_quota: Amount,
    /// None: as much as the cohort has.
    #[serde(default)]
    borrowing_limit: Option<Amount>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    /// What admitted workloads hold, from before their pods run.
    #[serde(default)]
    flavors_reservation: Vec<Flavor<Used>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Used {
    #[serde(default)]
    name: String,
    #[serde(default)]
    total: Amount,
}

/// A kind of node of Kueue's, by the labels that its jobs get.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ResourceFlavor {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    spec: FlavorSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlavorSpec {
    #[serde(default)]
    node_labels: BTreeMap<String, String>,
}

impl ResourceFlavor {
    /// Whether a job with this selector can be given it.
    pub(crate) fn fits(&self, selector: &BTreeMap<String, String>) -> bool {
        let mut own = self.spec.node_labels.iter();
        own.all(|(key, value)| selector.get(key).is_none_or(|wanted| wanted == value))
    }
}

/// What a queue has of one resource, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// With what it may borrow at most; none where only its cohort limits that.
    pub(crate) most: Option<i128>,
    /// Its own quota less what is reserved. What it could borrow others may ask back.
    pub(crate) free: i128,
}

impl ClusterQueue {
    /// `None` if it has no quota for the resource in those flavors.
    pub(crate) fn room(&self, resource: &str, flavor_fits: impl Fn(&str) -> bool) -> Option<Room> {
        let groups = self.spec.resource_groups.iter();
        let flavors = groups.flat_map(|group| &group.flavors);
        let mut all: Option<Room> = None;
        for flavor in flavors.filter(|flavor| flavor_fits(&flavor.name)) {
            let quota = flavor.resources.iter().find(|q| q.name == resource);
            let Some(quota) = quota else { continue };
            let nominal = quota.nominal_quota.0;
            let most = match (&self.spec.cohort, quota.borrowing_limit) {
                (None, _) => Some(nominal),
                (Some(_), limit) => limit.map(|limit| nominal + limit.0),
            };
            let free = (nominal - self.reserved(&flavor.name, resource)).max(0);
            let before = all.unwrap_or(Room {
                most: Some(0),
                free: 0,
            });
            all = Some(Room {
                most: before.most.zip(most).map(|(a, b)| a + b),
                free: before.free + free,
            });
        }
        all
    }

    fn reserved(&self, flavor: &str, resource: &str) -> i128 {
        let own = self.status.flavors_reservation.iter();
        let used = own
            .filter(|used| used.name == flavor)
            .flat_map(|used| &used.resources)
            .filter(|used| used.name == resource);
        used.map(|used| used.total.0).sum()
    }
}

#[derive(Debug, Deserialize)]
struct Loose<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

pub(crate) fn queues(version: &str) -> Result<Request> {
    let path = format!("/apis/kueue.x-k8s.io/{version}/clusterqueues");
    get(QUEUES, &path)
}

pub(crate) fn flavors(version: &str) -> Result<Request> {
    let path = format!("/apis/kueue.x-k8s.io/{version}/resourceflavors");
    get(FLAVORS, &path)
}

pub(crate) fn all_queues(answer: &Answer) -> Result<Vec<ClusterQueue>> {
    let list: Loose<ClusterQueue> = answer.read(QUEUES, Asked::Read)?;
    Ok(list.items)
}

pub(crate) fn all_flavors(answer: &Answer) -> Result<Vec<ResourceFlavor>> {
    let list: Loose<ResourceFlavor> = answer.read(FLAVORS, Asked::Read)?;
    Ok(list.items)
}
