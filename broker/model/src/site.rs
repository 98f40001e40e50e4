mod billing;
mod control_id;
mod controls;
mod details;
mod drafts;
mod registered;
mod state;
mod target;
mod uncertain;
mod validate;
mod words;
mod zones;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{FundingShare, PartitionId, Sensitivity, SiteId, SystemId, Walltime};

pub use billing::{Billed, Billing, BillingTerm};
pub use control_id::ControlId;
pub use controls::{
    CapacityWindow, Controls, Drain, Incident, IncidentKind, IncidentUpdate, OrganisationLimit,
    OrganisationVeto, Severity, SiteScope, Veto,
};
pub use details::{
    Access, Contact, Factory, Funding, PartitionRules, Qos, Route, Storage, StorageArea,
};
pub use drafts::{
    DrainDraft, IncidentDraft, IncidentNews, LimitDraft, OrganisationVetoDraft, QueuedJobs,
    VetoDraft, WindowDraft, WindowEnd,
};
pub use registered::{OrganisationUse, RegisteredSite, Tally, WindowUse};
pub use state::{SiteReadiness, SiteState, SystemHeard};
pub use target::ContainerTarget;
pub use uncertain::{Uncertain, UncertainOf};
pub use words::AgentWord;
pub use zones::{Zones, ZonesSource};

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
    /// How many days the site says its confirmation of a job takes; absent means unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// Which of the fields beside it nobody has read at their source.
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    #[serde(default)]
    pub contact: Contact,
    #[serde(default)]
    pub factory: Factory,
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

/// How sure whoever wrote a file of the broker's own was of it, in the words of the policies' tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Read at its source.
    Certain,
    /// Recalled, second-hand or derived.
    Uncertain,
}

/// What the site lets a program do on a user's behalf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automation {
    Allowed,
    SiteAgentOnly,
    /// A person of the site lets each job in.
    HumanConfirm,
    /// The broker prepares the job, and a person hands it in by the site's own route.
    Handoff,
    #[default]
    Unknown,
}

/// How a job gets into a site's scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// By the site's agent.
    Agent,
    /// By the site's agent, once a person of the site has confirmed it.
    Confirmation,
    /// By the site's own route, in the hands of a person.
    Handoff,
}

impl Site {
    /// How a job that this share pays for gets into a system of the site.
    pub fn entrance(&self, system: &System, share: &FundingShare) -> Entrance {
        let by_share = system.access.route_by_share.get(&share.to_string());
        match (by_share, self.automation) {
            (Some(Route::EfpHandoff | Route::Handoff), _) | (None, Automation::Handoff) => {
                Entrance::Handoff
            }
            (_, Automation::HumanConfirm) => Entrance::Confirmation,
            _ => Entrance::Agent,
        }
    }

    /// Whether people carry jobs to it, for any share.
    pub fn takes_handoffs(&self) -> bool {
        let by_hand = |system: &System| {
            let mut routes = system.access.route_by_share.values();
            routes.any(|route| matches!(route, Route::EfpHandoff | Route::Handoff))
        };
        self.automation == Automation::Handoff || self.systems.iter().any(by_hand)
    }

    /// Whether a person has a hand in letting jobs in, for any share.
    pub fn asks_people(&self) -> bool {
        self.automation == Automation::HumanConfirm || self.takes_handoffs()
    }

    /// The systems that one hangs on, its own host first, then that one's; none for most.
    ///
    /// It ends where a document goes round in a circle, which [`Site::validate`] refuses.
    pub fn hosts_of<'a>(&'a self, system: &'a System) -> impl Iterator<Item = &'a System> {
        let host = move |of: &&'a System| {
            let id = of.integrated_in.as_ref()?;
            self.systems.iter().find(|it| it.id == *id)
        };
        let chain = std::iter::successors(host(&system), host);
        chain.take(self.systems.len())
    }
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
    /// What it is at most where no more is known, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub union_share_max_permille: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// What it computes with where that is neither a CPU nor a GPU: `qpu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator_kind: Option<String>,
    /// The system of the same site that it hangs on and is reached through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrated_in: Option<SystemId>,
    /// What it will compute with, or does, where its partitions are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_target: Option<ContainerTarget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus_total: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_total: Option<u32>,
    /// In thousandths of a petaflop a second, as the TOP500 counts: what it could do at most, and did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_tflops: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmax_tflops: Option<u32>,
    /// Where the machine stands, when not in the site's city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The highest sensitivity of data that the system may process; absent means `internal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sensitivity: Option<Sensitivity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Which of the fields beside it nobody has read at their source.
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    #[serde(default)]
    pub funding: Funding,
    #[serde(default)]
    pub access: Access,
    #[serde(default)]
    pub storage: Storage,
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
    /// Per physical accelerator: the number on its data sheet, which vendors count in either unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_gib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// What it computes with where that is neither a CPU nor a GPU, and not what its system says: `qpu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator_kind: Option<String>,
    /// Accelerators that no container target counts, in words: `2x Intel Stratix 10MX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_accelerators: Option<String>,
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
    /// Which of the fields beside it nobody has read at their source.
    #[serde(default, skip_serializing_if = "Uncertain::is_empty")]
    pub uncertain: Uncertain,
    #[serde(default)]
    pub rules: PartitionRules,
    /// How the site charges; absent is not known, and then [`Site::with_assumed_billing`] counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
}

const fn one() -> u32 {
    1
}

#[cfg(test)]
mod facts;
#[cfg(test)]
mod tests;
