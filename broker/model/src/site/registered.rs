use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Controls, Site};
use crate::{GpuMillis, OrganisationId, SiteId, WindowId};

/// A site as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredSite {
    pub site: Site,
    #[serde(default)]
    pub controls: Controls,
    /// The digest of the file that was last imported at a start; none for a site that no file named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_sha256: Option<String>,
    /// Whether somebody has changed the document since: then a newer file no longer replaces it.
    #[serde(default)]
    pub edited: bool,
    pub changed_at: Timestamp,
    /// When it was taken out of the federation; the row stays, so that its file does not bring it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
    /// 0 for one that is not stored yet; goes up by one with every stored change.
    #[serde(default)]
    pub version: i64,
}

/// What is used and held where a site has set windows or limits, as placement counts it for one job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Whose job it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<WindowId, WindowUse>,
    /// What the organisation has at sites that limit it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at_sites: BTreeMap<SiteId, OrganisationUse>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowUse {
    /// By jobs that are charged.
    pub used: GpuMillis,
    /// By jobs that are placed, queued or running: what they take at most.
    pub held: GpuMillis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationUse {
    pub running: u32,
    /// Placed or queued.
    pub queued: u32,
    /// In the month that it is now, in UTC.
    pub gpu_used: GpuMillis,
    pub gpu_held: GpuMillis,
}

impl Tally {
    /// Nothing was counted, since no site asks for it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
