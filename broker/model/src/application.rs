mod drafts;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use drafts::{ApplicationDraft, ApplicationVerdict, GrantDraft, GrantScope, RulingDraft};

use crate::{
    AiAct, AllocationId, ApplicationAid, ApplicationId, Assurance, DecisionId, Desk, Dossier,
    FundingShare, OrganisationId, PersonId, ProjectId,
};

/// A request for access by one mode at one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    pub id: ApplicationId,
    pub organisation: OrganisationId,
    /// The id of an access mode, `policies/modes/`.
    pub mode: String,
    /// `site/system`.
    pub system: String,
    pub project: ApplicationProject,
    pub need: ApplicationNeed,
    /// Of companies that ask for hours of a national share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<ApplicationAid>,
    /// What the mode asks for beside the facts of the organisation, by the kind of document.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, String>,
    pub applied_by: PersonId,
    /// How sure the issuer was of whoever applied, at that moment: a reviewer's own login is no matter here.
    #[serde(default)]
    pub assurance: Assurance,
    pub applied_at: Timestamp,
    /// By when the mode promises a decision; none where it promises none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<ApplicationDue>,
    /// Whose hours the mode gave this applicant when it was handed in: `commercial`, where it pays for hours of the Union.
    /// None where the mode does not say, or whether they are paid for was unclear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<FundingShare>,
    /// What the rules found when it was handed in.
    pub found: DecisionId,
    pub state: ApplicationState,
    #[serde(skip)]
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationProject {
    pub name: String,
    /// What is to be computed, and what for.
    pub purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub civilian: Option<bool>,
    /// Whether Horizon Europe or Digital Europe pays for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eu_project: Option<bool>,
    #[serde(default)]
    pub sectors: Vec<String>,
    /// None while nobody has assessed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_act: Option<AiAct>,
}

/// Compute, storage and data in one request, and the help to use them. All but compute may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationNeed {
    /// Physical GPU-hours.
    pub gpu_hours: u32,
    pub months: u32,
    /// TiB on the system's file systems beyond what every project has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_tib: Option<u32>,
    /// Data spaces and data sets that it would work with, as their identifiers or addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// Services of support centres, by their codes in the directory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub support: Vec<String>,
}

/// The last day of a clock in working days of Brussels; two, where a holiday is uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationDue {
    pub on: jiff::civil::Date,
    pub at_latest: jiff::civil::Date,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ApplicationState {
    /// With the reviewers.
    Submitted,
    /// By the organisation, before it was decided.
    Withdrawn { at: Timestamp },
    Rejected {
        #[serde(flatten)]
        ruling: Ruling,
    },
    Accepted {
        #[serde(flatten)]
        ruling: Ruling,
        project: ProjectId,
        allocation: AllocationId,
        /// None of those that were accepted before this was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Box<Given>>,
    },
}

/// What an acceptance gave, as it was then: operators may change the allocation afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub hours: u32,
    /// What the hours are of: `GPU-hour`, `node-hour`.
    pub unit: String,
    pub share: FundingShare,
    pub scope: GrantScope,
    pub first_day: jiff::civil::Date,
    /// Hours count on it, too.
    pub last_day: jiff::civil::Date,
}

/// What a person decided. Reasons are for the organisation to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub at: Timestamp,
    pub by: PersonId,
    pub reasons: String,
    /// What the rules found then: the answer to the stored question of that moment.
    pub found: DecisionId,
}

impl ApplicationState {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Rejected { .. } => "rejected",
            Self::Accepted { .. } => "accepted",
        }
    }
}

impl Application {
    pub const fn is_open(&self) -> bool {
        matches!(self.state, ApplicationState::Submitted)
    }

    /// What the rules found last: when it was decided, or else when it was handed in.
    pub const fn last_found(&self) -> DecisionId {
        match &self.state {
            ApplicationState::Rejected { ruling } | ApplicationState::Accepted { ruling, .. } => {
                ruling.found
            }
            _ => self.found,
        }
    }
}

impl Dossier for Application {
    const KIND: &'static str = "application";
    type Id = ApplicationId;

    fn id(&self) -> ApplicationId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn desk(&self) -> Option<Desk> {
        self.is_open().then_some(Desk::Reviewers)
    }

    fn due_at(&self) -> Option<Timestamp> {
        None
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}
