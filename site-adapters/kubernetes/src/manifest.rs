//! The Job that a submission becomes.

mod pod;

use serde_json::{Map, Value, json};
use site_adapter::{Error, ErrorKind, Result, Submission};

use crate::config::{KubernetesSettings, PartitionSettings};
use crate::names;
use crate::record::JobFacts;

const OPERATION: &str = "POST jobs";
/// Bytes of annotations that the API server takes of one object.
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// What the manifest is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) settings: &'a KubernetesSettings,
    pub(crate) partition: &'a PartitionSettings,
    pub(crate) submission: &'a Submission,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) has_kueue: bool,
}

impl Plan<'_> {
    pub(crate) fn job(&self) -> Result<Value> {
        let work = &self.submission.work;
        if work.scheduler_gpus_per_node() > 0 && self.partition.gpu_resource.is_none() {
            return Err(refused(
                "the partition has no accelerators; set its `gpu_resource`",
            ));
        }
        let held = self.is_held();
        let mut annotations = self.annotations()?;
        let mut labels = self.labels();
        // Kueue admits what has a queue, whatever else it waits for: a held Job gets its own later.
        match (self.queue()?, held) {
            (Some(queue), true) => annotations.insert(names::LATER_QUEUE.to_owned(), queue.into()),
            (Some(queue), false) => labels.insert(names::QUEUE.to_owned(), queue.into()),
            (None, _) => None,
        };
        if held && self.has_kueue {
            labels.insert(names::QUEUE.to_owned(), names::NO_QUEUE.into());
        }
        if let Some(class) = self.queue_priority()? {
            labels.insert(names::QUEUE_PRIORITY.to_owned(), class.into());
        }
        let suspend = held || labels.contains_key(names::QUEUE);
        let mut spec = self.spec()?;
        spec.insert("suspend".to_owned(), suspend.into());
        Ok(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": labels,
                "annotations": annotations,
            },
            "spec": spec,
        }))
    }

    pub(crate) const fn has_several_nodes(&self) -> bool {
        self.submission.work.resources.nodes > 1
    }

    /// Created suspended, and let go by this adapter: when what it waits for is over, and not before its
    /// pods can find each other.
    pub(crate) fn is_held(&self) -> bool {
        !self.submission.work.after.is_empty() || self.has_several_nodes()
    }

    fn labels(&self) -> Map<String, Value> {
        let mut labels = Map::new();
        labels.insert(names::MANAGED_BY.to_owned(), names::OURS.into());
        labels.insert(names::ATTEMPT.to_owned(), self.submission.marker().into());
        labels
    }

    fn annotations(&self) -> Result<Map<String, Value>> {
        let work = &self.submission.work;
        let mut notes = Map::new();
        notes.insert(names::JOB_NAME.to_owned(), work.name.clone().into());
        notes.insert(
            names::PARTITION.to_owned(),
            work.partition.partition.to_string().into(),
        );
        if work.restartable {
            notes.insert(names::RESTARTABLE.to_owned(), "true".into());
        }
        if work.array.is_some() {
            notes.insert(names::ARRAY.to_owned(), "true".into());
        }
        if self.is_held() {
            let after = serde_json::to_string(&work.after).map_err(|error| {
                refused("what the job waits for cannot be written down").caused_by(error)
            })?;
            if after.len() > MOST_ANNOTATIONS / 2 {
                return Err(refused("the job waits for more jobs than a Job can name"));
            }
            notes.insert(names::AFTER.to_owned(), after.into());
        }
        Ok(notes)
    }

    fn queue(&self) -> Result<Option<String>> {
        let own = self.submission.account.account.as_ref();
        let Some(default) = &self.partition.queue else {
            return Ok(None);
        };
        checked("account", own.unwrap_or(default)).map(Some)
    }

    fn queue_priority(&self) -> Result<Option<String>> {
        if self.partition.queue.is_none() {
            return Ok(None);
        }
        let own = self.submission.account.qos.as_ref();
        let class = own.or(self.partition.queue_priority.as_ref());
        class.map(|class| checked("qos", class)).transpose()
    }

    fn spec(&self) -> Result<Map<String, Value>> {
        let work = &self.submission.work;
        let nodes = work.resources.nodes;
        let mut spec = Map::new();
        let mut set = |key: &str, value: Value| spec.insert(key.to_owned(), value);
        set("backoffLimit", 0.into());
        set("podReplacementPolicy", "Failed".into());
        set("podFailurePolicy", self.failure_policy());
        let kept = i64::from(self.settings.keep_hours) * 3600;
        set("ttlSecondsAfterFinished", kept.into());
        match &work.array {
            Some(array) => {
                set("completionMode", "Indexed".into());
                set("completions", array.tasks.into());
                let at_once = array.at_once.unwrap_or(array.tasks).min(array.tasks);
                set("parallelism", at_once.into());
                set("backoffLimitPerIndex", 0.into());
                // Together with a limit per index the one of the whole must not come first.
                set("backoffLimit", i32::MAX.into());
            }
            None if nodes > 1 => {
                set("completionMode", "Indexed".into());
                set("completions", nodes.into());
                set("parallelism", nodes.into());
            }
            None => {
                set("completions", 1.into());
                set("parallelism", 1.into());
            }
        }
        set("template", self.template()?);
        Ok(spec)
    }

    /// A pod that the cluster takes away (preemption, drain, lost node) is not replaced: its user's code
    /// would start a second time. Only what is restartable may.
    fn failure_policy(&self) -> Value {
        let work = &self.submission.work;
        let action = match (work.restartable, &work.array) {
            (true, _) => "Ignore",
            (false, Some(_)) => "FailIndex",
            (false, None) => "FailJob",
        };
        json!({ "rules": [{
            "action": action,
            "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }],
        }] })
    }
}

/// A headless service under which the pods of several nodes find each other before they are ready. It
/// goes when its Job does.
pub(crate) fn service(job: &JobFacts) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": job.name,
            "namespace": job.namespace,
            "labels": { names::MANAGED_BY: names::OURS, names::ATTEMPT: job.marker },
            "ownerReferences": [{
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": job.name,
                "uid": job.uid,
            }],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": { names::ATTEMPT: job.marker },
        },
    })
}

fn checked(field: &str, name: &str) -> Result<String> {
    if names::is_dns_subdomain(name) && name.len() <= 63 {
        return Ok(name.to_owned());
    }
    let name = name.escape_debug();
    Err(refused(&format!(
        "the local account's `{field}` names `{name}`, which is no name of a Kueue object"
    )))
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Refused, OPERATION, message)
}

#[cfg(test)]
mod tests;
