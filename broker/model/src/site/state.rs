use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AgentWord;
use crate::{SiteId, SystemId};

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
    /// What it is made of, by agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<AgentWord>,
    /// When each system was last heard of, of those that agents have told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<SystemHeard>,
    /// Of the stored row that it was made on: two agents that speak at once must not unsay each other.
    #[serde(default)]
    pub version: i64,
}

/// When an agent last told of a system, and when one last took work for it; by the broker's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemHeard {
    pub system: SystemId,
    pub heard_at: Timestamp,
    /// The time of the first word where none was ever one that takes work.
    pub open_at: Timestamp,
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

    /// Why nobody speaks for the site, where that was decided: all of its agents were put out. `None` of a
    /// site that is heard, or is only silent.
    pub fn unspoken_for(&self) -> Option<&str> {
        let is_decided = self.agents.is_empty() && self.readiness == SiteReadiness::Unknown;
        self.reason.as_deref().filter(|_| is_decided)
    }

    /// Until when it counts, unless something newer is said.
    pub fn expires_at(&self) -> Timestamp {
        let ttl = SignedDuration::from_secs(self.ttl_seconds.into());
        self.observed_at
            .saturating_add(ttl)
            .unwrap_or(Timestamp::MAX)
    }
}
