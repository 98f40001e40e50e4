use std::path::Path;

use super::{Access, KubernetesSettings, PartitionSettings, TolerationSettings};
use site_adapter::InvalidSettings;

use crate::names::{is_dns_label, is_dns_subdomain, is_qualified_name};

const LABEL: &str = "1 to 63 lower-case letters, digits and `-`, no `-` at an end";
const NAME: &str = "lower-case letters, digits, `-` and `.`, as Kubernetes names its objects";
const KEY: &str = "write it as Kubernetes does, as `nvidia.com/gpu`";

type Checked = Result<(), InvalidSettings>;

impl KubernetesSettings {
    /// Checks what the shape cannot say.
    pub fn validate(&self) -> Checked {
        self.access.validate()?;
        self.check_numbers()?;
        self.check_names()?;
        if self.partitions.is_empty() {
            return Err(InvalidSettings::new(
                "partitions",
                "there is none",
                "name at least one, as `[partitions.gpu]`",
            ));
        }
        for (id, partition) in &self.partitions {
            partition.validate(&format!("partitions.{id}"))?;
        }
        Ok(())
    }

    fn check_numbers(&self) -> Checked {
        if self.settle_seconds <= self.timeout_seconds && self.settle_seconds != 0 {
            return Err(InvalidSettings::new(
                "settle_seconds",
                "not longer than `timeout_seconds`, so a create may still be worked on",
                "give more than `timeout_seconds`",
            ));
        }
        for (key, value, least) in [
            ("timeout_seconds", self.timeout_seconds, 5),
            ("settle_seconds", self.settle_seconds, 1),
            ("concurrent_calls", self.concurrent_calls as u64, 1),
            ("keep_hours", u64::from(self.keep_hours), 1),
            (
                "launch_timeout_seconds",
                u64::from(self.launch_timeout_seconds),
                1,
            ),
        ] {
            if value < least {
                let remedy = "5 seconds at least for `timeout_seconds`, 1 for the others";
                return Err(InvalidSettings::new(
                    key,
                    format!("{value} is too little"),
                    remedy,
                ));
            }
        }
        if self.run_as_user <= 0 {
            return Err(InvalidSettings::new(
                "run_as_user",
                "jobs do not run as root",
                "name another user's number, or set `allow_root = true` to leave it to the images",
            ));
        }
        Ok(())
    }

    fn check_names(&self) -> Checked {
        if let Some(wrong) = self.namespaces.iter().find(|name| !is_dns_label(name)) {
            let problem = format!("`{wrong}` is no namespace's name");
            return Err(InvalidSettings::new("namespaces", problem, LABEL));
        }
        if !is_dns_label(&self.namespace_of("u")) {
            return Err(InvalidSettings::new(
                "namespace",
                "not a namespace's name",
                LABEL,
            ));
        }
        let names = self.service_account.iter().map(|n| ("service_account", n));
        let secrets = self
            .image_pull_secrets
            .iter()
            .map(|n| ("image_pull_secrets", n));
        for (key, name) in names.chain(secrets) {
            if !is_dns_subdomain(name) {
                return Err(InvalidSettings::new(key, "not an object's name", NAME));
            }
        }
        let policies = ["Always", "IfNotPresent", "Never"];
        match &self.image_pull_policy {
            Some(policy) if !policies.contains(&policy.as_str()) => Err(InvalidSettings::new(
                "image_pull_policy",
                "not a policy of Kubernetes",
                "`Always`, `IfNotPresent` or `Never`",
            )),
            _ => Ok(()),
        }
    }
}

impl Access {
    fn validate(&self) -> Checked {
        let absolute = |key: &str, path: &Path| {
            if path.is_absolute() {
                return Ok(());
            }
            Err(InvalidSettings::new(
                key,
                "not an absolute path",
                "begin it with `/`",
            ))
        };
        match self {
            Self::InCluster => Ok(()),
            Self::Kubeconfig { file, .. } => absolute("access.file", file),
            Self::Token {
                server,
                token_file,
                ca_file,
            } => {
                let plain = server.username().is_empty() && server.query().is_none();
                if !matches!(server.scheme(), "http" | "https") || !plain {
                    return Err(InvalidSettings::new(
                        "access.server",
                        "not a plain HTTP address",
                        "write `https://host:6443`, without a user",
                    ));
                }
                absolute("access.token_file", token_file)?;
                ca_file
                    .as_ref()
                    .map_or(Ok(()), |file| absolute("access.ca_file", file))
            }
        }
    }
}

impl PartitionSettings {
    fn validate(&self, at: &str) -> Checked {
        let key = |field: &str| format!("{at}.{field}");
        for (field, name) in [
            ("runtime_class", &self.runtime_class),
            ("priority_class", &self.priority_class),
            ("queue", &self.queue),
            ("queue_priority", &self.queue_priority),
        ] {
            if name.as_deref().is_some_and(|name| !is_dns_subdomain(name)) {
                return Err(InvalidSettings::new(
                    &key(field),
                    "not an object's name",
                    NAME,
                ));
            }
        }
        if let Some(resource) = &self.gpu_resource
            && !(is_qualified_name(resource) && resource.contains('/'))
        {
            return Err(InvalidSettings::new(
                &key("gpu_resource"),
                "not a resource's name",
                KEY,
            ));
        }
        if let Some(label) = self.node_selector.keys().find(|k| !is_qualified_name(k)) {
            let reason = format!("`{}` is not a label", label.escape_debug());
            return Err(InvalidSettings::new(&key("node_selector"), &reason, KEY));
        }
        let counts = [
            ("default_cpus", Some(self.default_cpus)),
            ("default_memory_gib", Some(self.default_memory_gib)),
            ("shm_gib", self.shm_gib),
            ("max_nodes_per_job", self.max_nodes_per_job),
            ("max_walltime_hours", self.max_walltime_hours),
        ];
        if let Some((field, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
            return Err(InvalidSettings::new(
                &key(field),
                "it is 0",
                "give 1 or more",
            ));
        }
        self.tolerations
            .iter()
            .try_for_each(|toleration| toleration.validate(&key("tolerations")))
    }
}

impl TolerationSettings {
    fn validate(&self, at: &str) -> Checked {
        if self.key.as_deref().is_some_and(|k| !is_qualified_name(k)) {
            return Err(InvalidSettings::new(
                &format!("{at}.key"),
                "not a taint's key",
                KEY,
            ));
        }
        if self.key.is_none() && self.value.is_some() {
            return Err(InvalidSettings::new(
                &format!("{at}.value"),
                "a value without a key",
                "name the taint's `key` too",
            ));
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        match &self.effect {
            Some(effect) if !effects.contains(&effect.as_str()) => Err(InvalidSettings::new(
                &format!("{at}.effect"),
                "not an effect of taints",
                "`NoSchedule`, `PreferNoSchedule` or `NoExecute`",
            )),
            _ => Ok(()),
        }
    }
}
