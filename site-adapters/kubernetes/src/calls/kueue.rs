//! Kueue's workloads and `LocalQueue`s, read as loose JSON: the group has several versions, and few of
//! its fields matter here.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use site_adapter::Result;

use super::NEVER;
use super::pages::Page;
use crate::answer::{Answer, Asked};
use crate::client::{Request, get};
use crate::names;

pub(crate) const GROUP: &str = "GET kueue.x-k8s.io";
pub(crate) const WORKLOADS: &str = "GET workloads";
pub(crate) const QUEUES: &str = "GET localqueues";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    preferred_version: Version,
}

#[derive(Debug, Deserialize)]
struct Version {
    version: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Loose<T> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

impl<T: DeserializeOwned> Page for Loose<T> {
    type Item = T;
    fn open(self) -> (Vec<T>, ListMeta) {
        (self.items, self.metadata)
    }
}

/// What Kueue says of one Job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    pub(crate) waits_for: Option<String>,
    pub(crate) evicted: Option<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Workload {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

/// Of a `LocalQueue`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(default)]
    pub(crate) cluster_queue: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Meta {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) labels: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    #[serde(default)]
    pub(crate) conditions: Vec<Condition>,
    #[serde(default)]
    pub(crate) pending_workloads: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Condition {
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// The version to speak; `None` where Kueue is not installed.
pub(crate) fn group() -> Result<Request> {
    get(GROUP, "/apis/kueue.x-k8s.io")
}

pub(crate) fn version(answer: &Answer) -> Result<Option<String>> {
    // Plain text, "404 page not found": the API server's own word for a group it does not serve.
    if answer.status == 404 {
        return Ok(None);
    }
    let group: Group = answer.read(GROUP, Asked::Read)?;
    let version = group.preferred_version.version;
    let is_plain = version.bytes().all(|b| b.is_ascii_alphanumeric());
    Ok(Some(version).filter(|_| is_plain))
}

pub(crate) fn workloads(version: &str, namespace: &str) -> String {
    format!("/apis/kueue.x-k8s.io/{version}/namespaces/{namespace}/workloads")
}

/// The selector of one Job's.
pub(crate) fn of_job(uid: &str) -> String {
    format!("labelSelector=kueue.x-k8s.io%2Fjob-uid%3D{uid}")
}

/// Those of all namespaces without one.
pub(crate) fn queues(version: &str, namespace: Option<&str>) -> Result<Request> {
    let within = namespace.map(|name| format!("/namespaces/{name}"));
    let within = within.unwrap_or_default();
    let path = format!("/apis/kueue.x-k8s.io/{version}{within}/localqueues");
    get(QUEUES, &path)
}

pub(crate) fn items(answer: &Answer, operation: &'static str) -> Result<Vec<Workload>> {
    let list: Loose<Workload> = answer.read(operation, Asked::Read)?;
    Ok(list.items)
}

impl Workload {
    pub(crate) fn job_uid(&self) -> Option<&str> {
        self.metadata
            .labels
            .get(names::KUEUE_JOB_UID)
            .map(String::as_str)
    }

    /// By the Job's uid.
    pub(crate) fn admission(&self) -> Option<(String, Admission)> {
        let admission = Admission {
            waits_for: self.waits_for(),
            evicted: self.evicted().cloned(),
        };
        Some((self.job_uid()?.to_owned(), admission))
    }

    fn condition(&self, kind: &str, status: &str) -> Option<&Condition> {
        let mut all = self.status.conditions.iter();
        all.find(|c| c.kind == kind && c.status == status)
    }

    /// Why it waits. The word differs by release (`Pending` and `Inadmissible`, or `WaitingForQuota`,
    /// `ExceedsMaxQuota` and `Misconfigured`); the message is what tells a person.
    pub(crate) fn waits_for(&self) -> Option<String> {
        let waits = self.condition("QuotaReserved", "False")?;
        let beyond =
            waits.reason == "ExceedsMaxQuota" || waits.message.contains("> maximum capacity");
        // With several flavors the message has a part for each, and one may get room.
        let end = if beyond && !waits.message.contains("more needed") {
            format!(" (more than the whole queue: {NEVER})")
        } else {
            String::new()
        };
        Some(format!("{}: {}{end}", waits.reason, waits.message))
    }

    /// Why Kueue took it off again. On its return the condition stays in the list as `False`, with
    /// "Previously: " before its message.
    pub(crate) fn evicted(&self) -> Option<&Condition> {
        self.condition("Evicted", "True")
            .or_else(|| self.condition("Evicted", "False"))
    }

    /// A `LocalQueue` that takes no work, and why.
    pub(crate) fn inactive(&self) -> Option<String> {
        let closed = self.condition("Active", "False")?;
        Some(format!("{}: {}", closed.reason, closed.message))
    }
}
