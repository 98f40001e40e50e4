//! The pods of the Job: where they may run, and what runs in them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use site_adapter::Result;

use super::{Plan, refused};
use crate::names::{self, CONTAINER};
use crate::script;

/// Where the processes of several nodes meet, as torchrun and NCCL look for it.
const MASTER_PORT: u16 = 29_500;
pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

impl Plan<'_> {
    pub(super) fn template(&self) -> Result<Value> {
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
