mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;

use broker_model::{PartitionId, SystemId};
use serde::Deserialize;
use url::Url;

/// The `settings` of a site of kind `kubernetes`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSettings {
    pub access: Access,
    /// The system of the site that this cluster is.
    pub system: SystemId,
    /// What is offered to the broker, by the broker's name for it.
    pub partitions: BTreeMap<PartitionId, PartitionSettings>,
    /// The namespace of a project's jobs; `{user}` is the local account's `user`.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Namespaces whose rights are checked before any job is there.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Calls are made in this user's name (`Impersonate-User`).
    #[serde(default)]
    pub impersonate: Option<String>,
    /// The user and group that containers run as.
    #[serde(default = "default_user")]
    pub run_as_user: i64,
    /// Leaves the user to the image, which may be root, and asks for no restrictions.
    #[serde(default)]
    pub allow_root: bool,
    #[serde(default)]
    pub service_account: Option<String>,
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
    #[serde(default)]
    pub image_pull_policy: Option<String>,
    /// Between SIGTERM and SIGKILL when a job is stopped.
    #[serde(default = "default_grace")]
    pub grace_seconds: u32,
    /// How long a Job stays after its end; what it used is read from it and from its pods. Longer than
    /// `agent.usage_give_up_hours`.
    #[serde(default = "default_keep")]
    pub keep_hours: u32,
    /// How long a pod may fail to get its image or its container before the job is given up.
    #[serde(default = "default_launch")]
    pub launch_timeout_seconds: u32,
    /// How long the API server may take to answer, watches and followed logs apart.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Calls to the API server at the same time.
    #[serde(default = "default_calls")]
    pub concurrent_calls: usize,
    /// Logs that are followed at the same time; the others are read again from their start.
    #[serde(default = "default_followers")]
    pub followed_logs: usize,
    /// How long a job is looked for before its absence is proof: more than `timeout_seconds`, which
    /// bounds how long the API server works on a create as well.
    #[serde(default = "default_settle")]
    pub settle_seconds: u64,
}

/// Where the API server is, and who the agent is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum Access {
    /// A kubeconfig file, and one of its contexts if not the current one.
    Kubeconfig {
        file: PathBuf,
        #[serde(default)]
        context: Option<String>,
    },
    /// The agent runs in the cluster, under its pod's service account.
    InCluster,
    /// A token in a file, read again every minute: bound tokens rotate.
    Token {
        server: Url,
        token_file: PathBuf,
        /// A PEM file of the authorities to trust for `https`, in place of the machine's own.
        #[serde(default)]
        ca_file: Option<PathBuf>,
    },
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSettings {
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    #[serde(default)]
    pub tolerations: Vec<TolerationSettings>,
    /// `nvidia.com/gpu`, `amd.com/gpu`, `gpu.intel.com/i915`; none where there are no accelerators.
    #[serde(default)]
    pub gpu_resource: Option<String>,
    #[serde(default)]
    pub runtime_class: Option<String>,
    #[serde(default)]
    pub priority_class: Option<String>,
    /// What a plain script runs in; without it a job must bring an image.
    #[serde(default)]
    pub default_image: Option<String>,
    /// For jobs that do not say. Quotas on limits need a number.
    #[serde(default = "default_cpus")]
    pub default_cpus: u32,
    #[serde(default = "default_memory")]
    pub default_memory_gib: u32,
    /// Shared memory (`/dev/shm`); the container runtime's default is 64 MiB.
    #[serde(default)]
    pub shm_gib: Option<u32>,
    /// Kueue's `LocalQueue` in each namespace; a local account's `account` goes before it.
    #[serde(default)]
    pub queue: Option<String>,
    /// Kueue's `WorkloadPriorityClass`; a local account's `qos` goes before it.
    #[serde(default)]
    pub queue_priority: Option<String>,
    #[serde(default)]
    pub max_nodes_per_job: Option<u32>,
    #[serde(default)]
    pub max_walltime_hours: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TolerationSettings {
    /// Every taint, if absent.
    #[serde(default)]
    pub key: Option<String>,
    /// Any value, if absent.
    #[serde(default)]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; every one, if absent.
    #[serde(default)]
    pub effect: Option<String>,
}

fn default_namespace() -> String {
    "{user}".to_owned()
}
/// `nobody`.
const fn default_user() -> i64 {
    65_534
}
const fn default_grace() -> u32 {
    30
}
const fn default_keep() -> u32 {
    48
}
const fn default_launch() -> u32 {
    600
}
const fn default_timeout() -> u64 {
    30
}
const fn default_calls() -> usize {
    8
}
const fn default_followers() -> usize {
    64
}
const fn default_settle() -> u64 {
    35
}
const fn default_cpus() -> u32 {
    1
}
const fn default_memory() -> u32 {
    4
}

impl KubernetesSettings {
    /// Names the local users that jobs will run as; their namespaces are checked from the start.
    pub fn know_users<'a>(&mut self, users: impl IntoIterator<Item = &'a str>) {
        for user in users {
            let namespace = self.namespace_of(user);
            let is_one = crate::names::is_dns_label(&namespace);
            if is_one && !self.namespaces.contains(&namespace) {
                self.namespaces.push(namespace);
            }
        }
    }

    pub(crate) fn namespace_of(&self, user: &str) -> String {
        self.namespace.replace("{user}", user)
    }
}

#[cfg(test)]
mod tests;
