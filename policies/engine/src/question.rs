//! What is asked. The fields stand in alphabetical order, because their order is that of the JSON
//! which is digested: keys sorted, no white space (RFC 8785).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// All that is known about who asks for what, on which day.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub action: Action,
    /// The allocation the job would be charged to; rules on applications do not look at it.
    pub allocation: Option<AllocationFacts>,
    pub applicant: ApplicantFacts,
    /// Of any kind and state; the engine sorts out what counts.
    pub evidence: Vec<EvidenceFact>,
    /// The access mode that is applied to; none where nobody named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeFacts>,
    /// How much is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<NeedFacts>,
    /// The day the question is asked about: it picks rules, table rows and evidence.
    pub on: Date,
    pub organisation: OrganisationFacts,
    pub project: ProjectFacts,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    SubmitJob,
    ApplyForAccess,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct OrganisationFacts {
    /// Country of establishment: ISO 3166-1 alpha-2, or an alias of the country table (`EL`).
    pub country: String,
    /// `company`, `research` or `public_sector`; none while nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `micro`, `small`, `medium`, `large` or `unclear`.
    pub size: String,
    /// As declared: no law of the Union in force says what a start-up is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<bool>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFact {
    /// Whether a person looked at it; unchecked evidence never counts.
    pub checked: bool,
    /// The last day it counts; none means it does not expire by itself.
    pub expires_on: Option<Date>,
    /// The first day it counts.
    pub issued_on: Date,
    /// An id of `tables/evidence_kinds.toml`; others count for nothing.
    pub kind: String,
}

/// One access mode at one system.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ModeFacts {
    /// Of `modes/`.
    pub id: String,
    /// `site/system`.
    pub system: String,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NeedFacts {
    /// Physical GPU-hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ProjectFacts {
    /// As declared; none while nobody has said.
    pub civilian: Option<bool>,
    /// Whether Horizon Europe or Digital Europe pays for it, as declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eu_project: Option<bool>,
    pub sectors: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AllocationFacts {
    /// Whether its term has begun at the instant of the question, which itself knows the day only.
    pub begun: bool,
    /// Whether its term is over at the instant of the question.
    pub ended: bool,
    pub suspended: bool,
    /// What is neither used nor lost, in unit-milliseconds; what jobs hold counts, since it may come
    /// back. May be negative where a site reported more than was left.
    pub unspent_unit_ms: i64,
    /// The first day it is valid, if only in part.
    pub valid_from: Date,
    /// The first day it is no longer valid.
    pub valid_until: Date,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ApplicantFacts {
    /// REFEDS IAP: `none`, `low`, `medium` or `high`.
    pub identity_assurance: String,
    pub multi_factor: bool,
}

impl Question {
    #[expect(
        clippy::expect_used,
        reason = "plain structs of strings, dates and numbers are JSON"
    )]
    pub(crate) fn digest(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a question is always JSON");
        format!("sha256:{}", hex::encode(Sha256::digest(&canonical)))
    }
}
