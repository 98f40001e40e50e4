use broker_model::{JobId, UsageRecord};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What one attempt used and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    /// The UTC month of its end.
    pub month: String,
    #[serde(flatten)]
    pub record: UsageRecord,
}

/// The newest signed tree head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointView {
    pub tree_size: u64,
    /// Hexadecimal SHA-256.
    pub root: String,
    /// The signed note (C2SP tlog-checkpoint), whose signature covers size and root.
    pub note: String,
    /// The key to check it with, as a note verifier key; auditors keep their own copy.
    pub verifier_key: String,
    pub created_at: Timestamp,
}

/// A ledger entry with the bytes its leaf hash is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The leaf index.
    pub seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The exact text that is hashed.
    pub entry: String,
}

/// That an entry is in the tree of a checkpoint (RFC 9162, 2.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionView {
    pub seq: u64,
    pub entry: String,
    pub tree_size: u64,
    pub root: String,
    /// Hexadecimal, leaf to root.
    pub proof: Vec<String>,
    pub checkpoint: String,
}

/// That a later tree only appends to an earlier one (RFC 9162, 2.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsistencyView {
    pub from_size: u64,
    pub from_root: String,
    pub to_size: u64,
    pub to_root: String,
    pub proof: Vec<String>,
}
