use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{JobId, Outcome, PartitionRef, StateName};

/// What a centre is shown of a job that failed. Every text of it went through redaction first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralJob {
    pub job: JobId,
    pub name: String,
    pub state: StateName,
    pub ended_at: Option<Timestamp>,
    /// How it ended; the site's own words are the reason that its scheduler gave.
    pub outcome: Option<Outcome>,
    pub ran_on: Option<PartitionRef>,
    /// What sites said that refused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<ReferralPlacement>,
    /// The end of each log that has anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<ReferralLog>,
}

/// How the broker chose where it ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralPlacement {
    pub decided_at: Timestamp,
    pub chosen: Option<PartitionRef>,
    pub reason: String,
    /// Partitions that could have taken it.
    pub feasible: usize,
    pub rejected: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralLog {
    /// `stdout` or `stderr`.
    pub stream: String,
    pub text: String,
    /// There is more of it before this.
    pub cut: bool,
}
