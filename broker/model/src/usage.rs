use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AllocationId, AttemptId, FundingShare, GpuMillis, JobId, OrganisationId, OrganisationKind,
    PartitionRef, ProjectId, SizeClass, UnitMillis,
};

/// What one attempt used, as its site's own accounting says.
///
/// Belongs to the month of `ended_at` in UTC, as in EGI's accounting. Carries three numbers: the
/// site's unit, physical GPU-time, and what the allocation was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub attempt: AttemptId,
    pub job: JobId,
    pub allocation: AllocationId,
    pub project: ProjectId,
    pub organisation: OrganisationId,
    pub share: FundingShare,
    /// The access mode that gave the allocation, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// None of records that were made before this was kept, or where the organisation is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_was: Option<OrganisationWas>,
    pub partition: PartitionRef,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub nodes: u32,
    /// As the scheduler counts them, on all nodes (GCDs on LUMI).
    pub scheduler_gpus: u32,
    pub cpus: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_joules: Option<u64>,
    /// What the site's scheduler charged it to, as the agent told; absent where the site names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_account: Option<String>,
    pub charge: Charge,
}

/// What an organisation was on the day that its job ended: figures of a period go by this, whatever it says of itself
/// afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationWas {
    pub size: SizeClass,
    pub country: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OrganisationKind>,
}

impl UsageRecord {
    /// The UTC month it counts in: `2026-11`.
    pub fn month(&self) -> String {
        self.ended_at.strftime("%Y-%m").to_string()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// In the site's unit, named in `site_unit`.
    pub site_units: UnitMillis,
    pub site_unit: String,
    pub gpu: GpuMillis,
    /// In the allocation's unit: what its balance changed by.
    pub charged: UnitMillis,
}
