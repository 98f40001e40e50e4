use broker_model::{Drain, Incident, PartitionSnapshot, Site, SiteId, SiteReadiness, SiteSnapshot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a site takes jobs now, as `GET /sites/{id}/state` answers it: the short form of [`SiteView`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteStateView {
    pub site: SiteId,
    pub readiness: SiteReadiness,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What a site's schedulers told of their partitions, as `GET /sites/{id}/capacity` answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCapacity {
    pub site: SiteId,
    /// Absent, and no partition with it, where no agent has told of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    pub partitions: Vec<PartitionSnapshot>,
}

/// A site as `GET /sites/{id}` answers it: what its file says, and what its agent said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteView {
    pub site: Site,
    /// `unknown` once the last word of the site's agent is too old.
    pub readiness: SiteReadiness,
    /// Why it is not ready, in the site's words or the broker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its agent last spoke of it, by the broker's clock; absent when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// Until when that counts: `readiness` is `unknown` from then on, unless its agent speaks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// As last heard, however long ago: `observed_at` tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SiteSnapshot>,
    /// What takes no new jobs now or will not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drains: Vec<Drain>,
    /// Incidents and maintenance that are on or to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
}
