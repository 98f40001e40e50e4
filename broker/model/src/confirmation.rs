use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    AgentId, AllocationId, DataNeeds, DecisionId, FundingShare, JobId, OrganisationId,
    PartitionRef, PersonId, ProjectId, Resources, SizeClass, UnitMillis,
};

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

/// A job that waits for a person of a site, with what they need to judge it. Its owner is there by
/// pseudonym, and by name for those alone who may see names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmationView {
    pub job: JobId,
    pub name: String,
    pub partition: PartitionRef,
    pub waits_since: Timestamp,
    /// When no answer counts as declined.
    pub expires_at: Timestamp,
    pub owner: PersonId,
    /// Only for administrators who may see names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    pub project: ProjectId,
    pub project_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_reference: Option<String>,
    pub sectors: Vec<String>,
    /// What pays for it: what a veto names.
    pub allocation: AllocationId,
    pub organisation: OrganisationId,
    pub organisation_name: String,
    /// Where the organisation is established, ISO 3166-1 alpha-2.
    pub country: String,
    pub size: SizeClass,
    pub share: FundingShare,
    /// Held on the allocation for the whole walltime.
    pub held_unit_ms: UnitMillis,
    pub resources: Resources,
    pub data: DataNeeds,
    /// By its digest where the user named one: `docker://host/path@sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What would run there; empty when the partition takes other containers by now.
    pub script: String,
    pub script_sha256: String,
    pub decision: DecisionId,
    /// The rules that spoke when it was decided that the project may compute.
    pub grounds: Vec<Ground>,
}

/// What a rule of the policy said of a job's project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    pub rule: String,
    pub title: String,
    /// The article of law or the call.
    pub source: String,
    pub effective: Date,
    pub words: String,
}
