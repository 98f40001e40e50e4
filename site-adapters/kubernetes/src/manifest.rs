//! The Job that a submission becomes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use site_adapter::{Error, ErrorKind, Result, Submission};

use crate::config::{KubernetesSettings, PartitionSettings};
use crate::names::{self, CONTAINER};
use crate::record::JobFacts;
use crate::script;

const OPERATION: &str = "POST jobs";
/// Where the processes of several nodes meet, as torchrun and NCCL look for it.
const MASTER_PORT: u16 = 29_500;
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

    fn template(&self) -> Result<Value> {
        let work = &self.submission.work;
        let mut spec = json!({
            "restartPolicy": "Never",
            "activeDeadlineSeconds": work.resources.walltime.seconds(),
            "terminationGracePeriodSeconds": self.settings.grace_seconds,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            // The script is not process 1, to which the kernel delivers few signals, and somebody reaps
            // what it leaves.
            "shareProcessNamespace": true,
            "containers": [self.container()?],
            "volumes": self.volumes(),
        });
        let Some(fields) = spec.as_object_mut() else {
            return Err(refused("no pod can be made of the job"));
        };
        fields.extend(self.placement());
        if !self.settings.allow_root {
            let user = self.settings.run_as_user;
            fields.insert(
                "securityContext".to_owned(),
                json!({
                    "runAsNonRoot": true,
                    "runAsUser": user,
                    "runAsGroup": user,
                    "fsGroup": user,
                    "seccompProfile": { "type": "RuntimeDefault" },
                }),
            );
        }
        Ok(json!({ "metadata": { "labels": self.labels() }, "spec": spec }))
    }

    fn placement(&self) -> Map<String, Value> {
        let partition = self.partition;
        let mut fields = Map::new();
        let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        if !partition.node_selector.is_empty() {
            set("nodeSelector", json!(partition.node_selector));
        }
        if !partition.tolerations.is_empty() {
            set("tolerations", self.tolerations());
        }
        if let Some(class) = &partition.runtime_class {
            set("runtimeClassName", class.clone().into());
        }
        if let Some(class) = &partition.priority_class {
            set("priorityClassName", class.clone().into());
        }
        if let Some(account) = &self.settings.service_account {
            set("serviceAccountName", account.clone().into());
        }
        if !self.settings.image_pull_secrets.is_empty() {
            let names = self.settings.image_pull_secrets.iter();
            let secrets = names.map(|name| json!({ "name": name }));
            set("imagePullSecrets", secrets.collect());
        }
        if self.has_several_nodes() {
            set("subdomain", self.name.into());
        }
        if let Some(rule) = self.apart() {
            set(
                "affinity",
                json!({ "podAntiAffinity": { REQUIRED: [rule] } }),
            );
        }
        fields
    }

    /// Keeps the pods of one job on nodes of their own, and an exclusive job from all others of ours.
    fn apart(&self) -> Option<Value> {
        let topology = "kubernetes.io/hostname";
        if self.submission.work.exclusive {
            return Some(json!({
                "topologyKey": topology,
                "namespaceSelector": {},
                "labelSelector": { "matchLabels": { names::MANAGED_BY: names::OURS } },
            }));
        }
        let marker = self.submission.marker();
        self.has_several_nodes().then(|| {
            json!({
                "topologyKey": topology,
                "labelSelector": { "matchLabels": { names::ATTEMPT: marker } },
            })
        })
    }

    fn tolerations(&self) -> Value {
        let each = self.partition.tolerations.iter().map(|toleration| {
            let mut fields = Map::new();
            let operator = match toleration.value {
                Some(_) => "Equal",
                None => "Exists",
            };
            fields.insert("operator".to_owned(), operator.into());
            for (key, value) in [
                ("key", &toleration.key),
                ("value", &toleration.value),
                ("effect", &toleration.effect),
            ] {
                if let Some(value) = value {
                    fields.insert(key.to_owned(), value.clone().into());
                }
            }
            Value::Object(fields)
        });
        each.collect()
    }

    fn container(&self) -> Result<Value> {
        let script = self.submission.work.script_with_interpreter();
        if script.contains('\0') {
            return Err(refused(
                "the script holds a zero byte, which no argument can",
            ));
        }
        let resources = self.resources();
        let mut container = json!({
            "name": CONTAINER,
            "image": self.image()?,
            "command": script::command(&script),
            "env": self.environment(),
            "workingDir": script::FOLDER,
            "resources": { "limits": resources, "requests": resources },
            "volumeMounts": self.mounts(),
        });
        if let Some(fields) = container.as_object_mut() {
            if let Some(policy) = &self.settings.image_pull_policy {
                fields.insert("imagePullPolicy".to_owned(), policy.clone().into());
            }
            if !self.settings.allow_root {
                let context = json!({
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                });
                fields.insert("securityContext".to_owned(), context);
            }
        }
        Ok(container)
    }

    /// Limits and requests are the same: quotas on either are counted, and nothing is overcommitted.
    fn resources(&self) -> BTreeMap<String, String> {
        let wanted = &self.submission.work.resources;
        let cpus = wanted.cpus_per_node.unwrap_or(self.partition.default_cpus);
        let memory = wanted
            .memory_gib_per_node
            .unwrap_or(self.partition.default_memory_gib);
        let mut all = BTreeMap::from([
            ("cpu".to_owned(), cpus.to_string()),
            ("memory".to_owned(), format!("{memory}Gi")),
        ]);
        let gpus = self.submission.work.scheduler_gpus_per_node();
        if let Some(resource) = self.partition.gpu_resource.as_ref().filter(|_| gpus > 0) {
            all.insert(resource.clone(), gpus.to_string());
        }
        all
    }

    /// The image's reference without the scheme; the server judges the rest.
    fn image(&self) -> Result<&str> {
        let own = self.submission.work.image.as_ref();
        let image = own
            .or(self.partition.default_image.as_ref())
            .ok_or_else(|| {
                refused(
                    "a plain script needs an image here; name one in the job, or `default_image`",
                )
            })?;
        let reference = image.strip_prefix("docker://").unwrap_or(image);
        if reference.contains("://") || reference.starts_with('/') {
            return Err(refused(
                "Kubernetes runs OCI images only; name one as `docker://registry/name:tag`",
            ));
        }
        Ok(reference)
    }

    fn environment(&self) -> Value {
        let work = &self.submission.work;
        let nodes = work.resources.nodes;
        let index = json!({ "fieldRef": {
            "fieldPath": format!("metadata.annotations['{}']", names::INDEX),
        } });
        let plain = |name: &str, value: String| json!({ "name": name, "value": value });
        let mut all = vec![
            plain(script::FOLDER_VARIABLE, script::FOLDER.to_owned()),
            plain("ALCYONE_JOB_NAME", work.name.clone()),
            plain("ALCYONE_ATTEMPT", self.submission.marker()),
            plain("ALCYONE_NODES", nodes.to_string()),
            plain("HOME", script::FOLDER.to_owned()),
        ];
        if let Some(array) = &work.array {
            all.push(json!({ "name": "ALCYONE_ARRAY_INDEX", "valueFrom": index }));
            all.push(plain("ALCYONE_ARRAY_SIZE", array.tasks.to_string()));
        } else if nodes > 1 {
            all.push(json!({ "name": "ALCYONE_NODE_RANK", "valueFrom": index }));
            all.push(plain("MASTER_ADDR", format!("{0}-0.{0}", self.name)));
            all.push(plain("MASTER_PORT", MASTER_PORT.to_string()));
            all.push(plain("ALCYONE_SERVICE", self.name.to_owned()));
        } else {
            all.push(plain("ALCYONE_NODE_RANK", "0".to_owned()));
        }
        all.into()
    }

    fn volumes(&self) -> Value {
        let mut all = vec![json!({ "name": "alcyone", "emptyDir": {} })];
        if let Some(size) = self.partition.shm_gib {
            let memory = json!({ "medium": "Memory", "sizeLimit": format!("{size}Gi") });
            all.push(json!({ "name": "shm", "emptyDir": memory }));
        }
        all.into()
    }

    fn mounts(&self) -> Value {
        let mut all = vec![json!({ "name": "alcyone", "mountPath": script::FOLDER })];
        if self.partition.shm_gib.is_some() {
            all.push(json!({ "name": "shm", "mountPath": "/dev/shm" }));
        }
        all.into()
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

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

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
