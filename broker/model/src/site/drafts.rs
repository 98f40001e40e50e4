//! What administrators send: the same without the ids and times that the broker gives.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IncidentKind, Severity, SiteScope};
use crate::{AllocationId, FundingShare, OrganisationId, SystemId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowDraft {
    pub share: FundingShare,
    #[serde(default)]
    pub scope: SiteScope,
    pub from: Timestamp,
    pub to: Timestamp,
    pub gpu_hours: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowEnd {
    /// Takes it back as if it had never been, instead of closing it now: without any other window its
    /// share is not limited any more.
    #[serde(default)]
    pub withdraw: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainDraft {
    #[serde(default)]
    pub scope: SiteScope,
    pub reason: String,
    /// None: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// None: until somebody ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentDraft {
    pub kind: IncidentKind,
    pub severity: Severity,
    pub title: String,
    pub words: String,
    /// None: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affects: Vec<SiteScope>,
}

/// What is new about an incident; what is left out stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentNews {
    pub words: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VetoDraft {
    pub allocation: AllocationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
    pub reason: String,
    /// What becomes of its jobs that wait there.
    #[serde(default)]
    pub queued: QueuedJobs,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationVetoDraft {
    pub organisation: OrganisationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemId>,
    pub reason: String,
    /// None: until somebody lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueuedJobs {
    #[default]
    Stay,
    /// Those that run are left to end.
    Cancel,
}

impl QueuedJobs {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn stay(&self) -> bool {
        *self == Self::Stay
    }
}

/// Without any number the limit is lifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitDraft {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_at_once: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queued: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours_per_month: Option<u32>,
}
