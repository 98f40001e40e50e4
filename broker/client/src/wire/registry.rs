//! What site administrators send and see.

use broker_model::{
    AllocationId, AttemptId, CapacityWindow, Drain, GpuMillis, Incident, JobId, OrganisationId,
    OrganisationLimit, OrganisationUse, OrganisationVeto, PartitionRef, PersonId, ProjectId,
    RemoteId, Site, SiteId, StateName, Veto,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A site's document; the `ETag` of the answer names this state of it.
#[derive(Clone, Debug)]
pub struct SiteDocument {
    pub site: Site,
    pub etag: String,
}

/// What became of a document, or in a dry run what would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledView {
    pub site: SiteId,
    pub filed: Filed,
    pub dry_run: bool,
    /// Of what was sent.
    pub sha256: String,
    pub differences: Vec<DifferenceView>,
    /// What may be a slip, and is taken all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filed {
    New,
    Changed,
    Unchanged,
}

/// One value that the registered document and the one that was sent do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceView {
    /// `system[lumi].partition[small-g].nodes`.
    pub field: String,
    /// Absent: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// A local account that a site told of and that no allocation names for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownAccountView {
    /// As the site spells it.
    pub account: String,
    /// When the first and the last of its jobs ended, of the last thirteen months.
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    pub jobs: u64,
    /// In GPU-milliseconds: 3 600 000 is one GPU-hour.
    pub gpu: GpuMillis,
}

/// All that is set at a site, with what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlsView {
    pub site: SiteId,
    pub windows: Vec<WindowView>,
    pub drains: Vec<Drain>,
    pub incidents: Vec<Incident>,
    pub vetoes: Vec<Veto>,
    #[serde(default)]
    pub organisation_vetoes: Vec<OrganisationVeto>,
    pub limits: Vec<LimitView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowView {
    pub window: CapacityWindow,
    pub used: GpuMillis,
    pub held: GpuMillis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    pub limit: OrganisationLimit,
    pub uses: OrganisationUse,
}

/// A job that a site has, as its administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteJobView {
    pub job: JobId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<RemoteId>,
    pub partition: PartitionRef,
    pub project: ProjectId,
    /// What pays for it: what a veto names.
    pub allocation: AllocationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    pub state: StateName,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The pseudonym of whoever handed it in.
    pub person: PersonId,
    /// Only for administrators who may see names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What was taken back, by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedView {
    pub removed: String,
}
