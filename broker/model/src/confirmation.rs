use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AgentId, JobId, PartitionRef, PersonId};

/// What a site said to a job that waited for its confirmation.
///
/// The words are the site's and may name people, so they are here and never in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    pub job: JobId,
    pub partition: PartitionRef,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who said so, by their pseudonym; none when nobody answered in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// The agent that spoke for a local person of the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    pub waited_since: Timestamp,
    pub decided_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Confirmed,
    Declined,
    /// Nobody answered in time, which counts as declined.
    Expired,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::Expired => "expired",
        }
    }
}
