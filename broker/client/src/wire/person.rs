//! What sites' people are asked, and what they and the owners of jobs say.

pub use broker_model::HandoffView;
use broker_model::{PartitionRef, RemoteId, SiteId, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer of a site's administrator to a job that waits for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationAnswer {
    pub decision: ConfirmationDecision,
    /// For the job's user; needed to decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationDecision {
    Confirm,
    Decline,
}

/// What a site said to a job, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationSaid {
    pub site: SiteId,
    pub partition: PartitionRef,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub waited_since: Timestamp,
    pub decided_at: Timestamp,
}

/// What the owner says of a job that was handed over: that they handed it in. Nothing is shown or
/// charged by this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandedIn {
    /// What the site calls it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<RemoteId>,
}
