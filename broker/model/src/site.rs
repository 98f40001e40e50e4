use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{InvalidId, PartitionId, Sensitivity, SiteId, SystemId, Walltime};

/// An AI factory as its file under `config/sites/` describes it.
///
/// A key that is missing is unknown; nothing is guessed. A new factory, antenna or accelerator kind
/// is a new file, never new code (invariant 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    pub id: SiteId,
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub hosting_entity: String,
    pub city: String,
    /// ISO 3166-1 alpha-2; Greece is `GR` here although EU texts write `EL`.
    pub country: String,
    #[serde(default)]
    pub factory_partners: Vec<String>,
    #[serde(default)]
    pub sectors: Vec<String>,
    #[serde(default)]
    pub services: Vec<String>,
    #[serde(default)]
    pub languages: Vec<String>,
    #[serde(default)]
    pub antennas: Vec<String>,
    #[serde(default)]
    pub experimental_platform: bool,
    #[serde(default)]
    pub automation: Automation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// Where the facts of this file come from, and when they were last checked.
    pub source: Sourced,
    #[serde(default, rename = "system")]
    pub systems: Vec<System>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sourced {
    pub checked_on: Date,
    /// Addresses or documents, and how sure: `found: …`, `recalled, medium`.
    pub from: Vec<String>,
}

/// What the site lets a program do on a user's behalf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    Allowed,
    SiteAgentOnly,
    HumanConfirm,
    #[default]
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    pub id: SystemId,
    pub status: SystemStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The Union's share of access time in thousandths (Regulation (EU) 2021/1173 Art. 17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub union_share_permille: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// The highest sensitivity of data that the system may process; absent means `internal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sensitivity: Option<Sensitivity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(default, rename = "partition")]
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemStatus {
    Operational,
    Installing,
    Contracted,
    Planned,
    Retired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    pub id: PartitionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
    /// Physical accelerators per node.
    #[serde(default)]
    pub gpus_per_node: u32,
    /// How many GPUs the scheduler counts per physical one: 2 on LUMI, where a GCD is a GPU.
    #[serde(default = "one")]
    pub scheduler_gpus_per_gpu: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_model: Option<String>,
    /// Per physical accelerator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_gib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_node: Option<u32>,
    pub container_target: ContainerTarget,
    /// Whether a job gets whole nodes.
    #[serde(default)]
    pub exclusive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_walltime: Option<Walltime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes_per_job: Option<u32>,
    pub billing: Billing,
}

const fn one() -> u32 {
    1
}

/// How the site charges: units per node while the job runs, the largest of the terms.
///
/// LUMI's `small-g` has three terms (a GCD, 8 cores and 64 GB each cost 0.5 GPU-hours an hour); a
/// whole-node site has one over `nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    /// The site's word: `GPU-hour`, `node-hour`, `core-hour`.
    pub unit: String,
    pub terms: Vec<BillingTerm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingTerm {
    pub of: Billed,
    /// One step for this many, rounded up.
    #[serde(default = "one")]
    pub per: u32,
    /// Thousandths of a unit for each step.
    pub milliunits: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billed {
    Nodes,
    /// As the scheduler counts them, on all nodes.
    SchedulerGpus,
    Cpus,
    MemoryGib,
}

/// What a container must be built for: processor, and accelerator runtime if any.
///
/// Open on purpose (`riscv64+epac`, `x86_64+qpu`): a new kind needs no code change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ContainerTarget(String);

impl ContainerTarget {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContainerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ContainerTarget {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let word = |w: &str| {
            (1..=24).contains(&w.len())
                && w.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let mut words = text.splitn(2, '+');
        let fits = words.next().is_some_and(word) && words.next().is_none_or(word);
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId {
            kind: "container target",
            expected: "`x86_64+cuda`, `x86_64+rocm`, `aarch64+cuda`, `x86_64` or the like"
                .to_owned(),
            text: text.chars().take(80).collect(),
        })
    }
}

impl<'de> Deserialize<'de> for ContainerTarget {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How ready a site says it is, or what the broker makes of its silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteReadiness {
    Ready,
    Limited,
    Draining,
    Unavailable,
    #[default]
    Unknown,
}

/// The state of a site, true until `observed_at` + `ttl_seconds`; older means unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteState {
    pub site: SiteId,
    pub readiness: SiteReadiness,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub observed_at: Timestamp,
    pub ttl_seconds: u32,
}

impl SiteState {
    /// The readiness at a time: what was said, or `Unknown` once it is too old.
    pub fn readiness_at(&self, now: Timestamp) -> SiteReadiness {
        let age = now.duration_since(self.observed_at).as_secs();
        if age > i64::from(self.ttl_seconds) {
            SiteReadiness::Unknown
        } else {
            self.readiness
        }
    }
}
