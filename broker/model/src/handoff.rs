//! Jobs that a person carries to a site, as the site's people see them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AllocationId, AttemptId, InvalidId, JobId, Outcome, PartitionRef, PersonId, RemoteId,
    Resources, StateName,
};

/// A job that a person carries to a site, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoffView {
    pub job: JobId,
    /// The marker in its script: what the site finds it by.
    pub attempt: AttemptId,
    pub name: String,
    /// What pays for it: what a veto names.
    pub allocation: AllocationId,
    pub state: StateName,
    pub partition: PartitionRef,
    pub resources: Resources,
    /// By pseudonym.
    pub owner: PersonId,
    /// Only for administrators who may see names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// Whether somebody has its script.
    pub fetched: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<RemoteId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    pub cancel_requested: bool,
    pub prepared_at: Timestamp,
}

/// What a site's people name a carried job by: its id, or the marker that their scheduler shows.
///
/// The marker names one try. A job that was declined may come to the same site again under another
/// one, so whoever may repeat a report names the marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandoffRef {
    Job(JobId),
    Attempt(AttemptId),
}

impl From<JobId> for HandoffRef {
    fn from(job: JobId) -> Self {
        Self::Job(job)
    }
}

impl From<AttemptId> for HandoffRef {
    fn from(attempt: AttemptId) -> Self {
        Self::Attempt(attempt)
    }
}

impl fmt::Display for HandoffRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job) => job.fmt(f),
            Self::Attempt(attempt) => attempt.fmt(f),
        }
    }
}

impl FromStr for HandoffRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.starts_with("att_") {
            return text.parse().map(Self::Attempt);
        }
        text.parse().map(Self::Job)
    }
}

impl Serialize for HandoffRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HandoffRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carried_job_is_named_by_its_id_or_by_its_marker() {
        let hex = "0192f0c1d2e37abc8def0123456789ab";
        for (text, is_attempt) in [(format!("job_{hex}"), false), (format!("att_{hex}"), true)] {
            let named: HandoffRef = text.parse().unwrap();
            assert_eq!(matches!(named, HandoffRef::Attempt(_)), is_attempt);
            assert_eq!(named.to_string(), text);
        }
        assert!("prj_1".parse::<HandoffRef>().is_err());
    }
}
