mod check;
mod walltime;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ContainerTarget, JobId, OutcomeKind, ProjectId, SiteId};

pub use check::InvalidSpec;
pub use walltime::Walltime;

/// A job as its user writes it: portable, and the same in TOML and JSON.
///
/// Deserializing checks the shape; [`JobSpec::validate`] checks what a shape cannot say. Nothing
/// here names a scheduler, and nothing here may be pasted into a command line: adapters send
/// fields as data and the script as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    pub name: String,
    pub project: ProjectId,
    pub resources: Resources,
    /// One way to run it per container target; placement picks the partition and with it the way.
    pub variants: BTreeMap<ContainerTarget, Variant>,
    #[serde(default)]
    pub data: DataNeeds,
    #[serde(default)]
    pub placement: PlacementWishes,
    /// Many tasks of one script: a sweep, or a set of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArraySpec>,
    /// Jobs of the same project that this one waits for; it is placed at their site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
}

/// The tasks of an array: each runs the same script on one node of its own and finds its number in
/// `ALCYONE_ARRAY_INDEX` (from 0) and their count in `ALCYONE_ARRAY_SIZE`, at every site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraySpec {
    pub tasks: u32,
    /// At most this many at the same time; absent: as many as the site lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
}

/// A job that another one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    pub job: JobId,
    #[serde(default)]
    pub when: AfterWhen,
}

/// How a job must have ended for those that wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterWhen {
    #[default]
    Completed,
    /// Any end but completed.
    Failed,
    Ended,
}

impl JobSpec {
    /// Most bytes a script may have; slurmrestd and PBS take more, people do not write more.
    pub const MAX_SCRIPT_BYTES: usize = 256 * 1024;
    /// Most jobs that one job may wait for.
    pub const MAX_AFTER: usize = 16;

    /// How many times the walltime and the resources are asked for: the tasks of an array.
    pub fn tasks(&self) -> u32 {
        self.array.map_or(1, |array| array.tasks)
    }
}

impl ArraySpec {
    /// What Slurm, PBS and Kubernetes all take with their defaults or nearly so (`MaxArraySize`
    /// 1001 and `max_array_size` 10 000 are what sites shipped with set).
    pub const MAX_TASKS: u32 = 10_000;
}

impl AfterWhen {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }

    /// Whether an end of this kind is what was waited for.
    pub const fn fits(self, kind: OutcomeKind) -> bool {
        match self {
            Self::Completed => matches!(kind, OutcomeKind::Completed),
            Self::Failed => !matches!(kind, OutcomeKind::Completed),
            Self::Ended => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    #[serde(default = "one")]
    pub nodes: u32,
    /// Physical accelerators per node, as the vendor sells them: an MI250X is one, not two GCDs.
    #[serde(default)]
    pub gpus_per_node: u32,
    /// At least this much memory on each GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_gib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_node: Option<u32>,
    pub walltime: Walltime,
}

const fn one() -> u32 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// `docker://…`, `oras://…` or an absolute path of a `.sif`; none means a plain script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The shell script to run. Without a `#!` line it gets `#!/bin/sh`.
    pub script: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataNeeds {
    /// `EU`, or an ISO 3166-1 country code: where data may be processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residency: Option<String>,
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// Sites where it lies already; at any other it would have to be moved first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<SiteId>,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    #[default]
    Public,
    Internal,
    Personal,
    /// GDPR Art. 9 data, health data among them.
    Special,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementWishes {
    /// Sites to take when the forecast is not much worse there.
    #[serde(default)]
    pub prefer: Vec<SiteId>,
    /// Only these sites, when not empty.
    #[serde(default)]
    pub require: Vec<SiteId>,
    #[serde(default)]
    pub exclude: Vec<SiteId>,
    /// Whether partitions that their site calls experimental may be taken.
    #[serde(default)]
    pub experimental: bool,
    /// Whether the job may be started again elsewhere after its site is lost.
    #[serde(default)]
    pub restartable: bool,
}

#[cfg(test)]
mod tests;
