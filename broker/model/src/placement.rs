use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{ContainerTarget, GpuMillis, JobId, PartitionRef, SiteId, SystemId, UnitMillis};

/// The document of a placement decision, stored with the job and shown to its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    pub decided_at: Timestamp,
    /// Every partition of the federation, in the order of the ranking, rejected ones last.
    pub considered: Vec<Considered>,
    pub chosen: Option<PartitionRef>,
    /// One sentence on why the first is first.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    pub partition: PartitionRef,
    /// Every clause that speaks against it; empty for a feasible one.
    #[serde(default)]
    pub rejections: Vec<Rejection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    pub clause: Clause,
    /// In the user's numbers: "asks for 8 GPUs per node, has 4".
    pub words: String,
    /// May pass by itself (a drained site); otherwise this job can never run here.
    pub temporary: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clause {
    SystemStatus,
    SiteState,
    PartitionState,
    /// The site's rules on programs that submit (`Site::automation`).
    Automation,
    Wishes,
    ContainerTarget,
    GpuCount,
    GpuMemory,
    Nodes,
    Cpus,
    Memory,
    Walltime,
    Residency,
    Sensitivity,
    Entitlement,
    HoursLeft,
    RefusedBefore,
    /// The site's administrators take no new jobs there for a while.
    Drained,
    /// The job could still be running when planned maintenance begins.
    Maintenance,
    /// What the funding share may use there is closed for now, or used up.
    CapacityWindow,
    /// The site does not serve the allocation.
    Vetoed,
    OrganisationLimit,
    /// A job that it waits for is elsewhere, or not at a scheduler yet.
    Dependency,
    /// Whoever handed the job in has not accepted the terms of the site.
    Terms,
    /// What the share that pays may have of the system is used up.
    Ceiling,
    /// The programme that paid for the system does not open it to where the organisation is established.
    Programme,
}

/// Systems that the rules keep hours from which are good anywhere else, with what they say.
pub type ShutSystems = BTreeMap<SiteId, BTreeMap<SystemId, Vec<Rejection>>>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub target: ContainerTarget,
    pub forecast: Forecast,
    /// Held on the allocation when the job is accepted: the charge for the whole walltime.
    pub charge: UnitMillis,
    pub charge_unit: String,
    /// How the site charges is not known: the charge is by what the broker assumes since that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_assumed_since: Option<Date>,
    /// The terms that the job takes on there by `placement.experimental`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_url: Option<String>,
    pub gpu: GpuMillis,
    /// The first sector of the project that the site names among its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    /// Seconds until the job would be done, with wishes and data that would have to be moved counted in: what the
    /// ranking sorts by.
    pub score_seconds: u64,
}

/// When a job would start, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub wait_seconds: u64,
    /// What the forecast rests on: "3 of 188 nodes free", "queue of 40 jobs".
    pub basis: String,
    pub observed_at: Timestamp,
}

/// A job that waits for others can only go where their scheduler can see both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// To the system where this job is, queued or running.
    To {
        job: JobId,
        site: SiteId,
        system: SystemId,
    },
    /// Nowhere, until this job is at a scheduler or over.
    Nowhere { job: JobId },
}
