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
    /// What aid of states there was, for modes of a national share; none where nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<AidFacts>,
    /// The allocation the job would be charged to; rules on applications do not look at it.
    pub allocation: Option<AllocationFacts>,
    pub applicant: ApplicantFacts,
    /// Of any kind and state; the engine sorts out what counts.
    pub evidence: Vec<EvidenceFact>,
    /// What the organisation has already, in this mode at this system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair_access: Option<FairAccessFacts>,
    /// What the organisation owes from earlier allocations; an empty list says that somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_ups: Option<Vec<FollowUpFacts>>,
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
    /// What a reviewer settled of this case before; rules that give it to people do not ask for it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Vec<SettledFact>>,
    /// How much of the system is used for whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<SharesFacts>,
    /// Why the site says no, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vetoed_by_site: Option<String>,
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
    /// The kinds of screening of which there is a record, by their ids in `tables/evidence_kinds.toml`; none in questions
    /// that were stored before it was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screened: Vec<String>,
    /// What screening against sanctions and export control said: `clear`, `hit`, or anything else, which is not
    /// settled; none where nobody has screened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<String>,
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
    /// What it declares under the AI Act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_act: Option<AiActFacts>,
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
    /// What it is counted in, `GPU-hour`; none in questions that were stored before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
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
    /// Of the person, as [`OrganisationFacts::screened`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screened: Vec<String>,
    /// Of the person, as [`OrganisationFacts::screening`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<String>,
    /// Whether the operator has vetted the identity, which then counts as assured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vetted: Option<bool>,
}

/// As declared. The ids are those of `tables/ai_act.toml`; another one counts as in force.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AiActFacts {
    /// Art. 2(6) and 2(8); kept, and changes no answer by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<String>,
    /// Whether a general-purpose model is trained; where nobody has said, an estimate says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpai: Option<bool>,
    /// Areas of Annex III.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub high_risk: Vec<String>,
    /// Practices of Art. 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prohibited: Vec<String>,
    /// Computing for training, in units of 10^18 floating-point operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_exaflop: Option<u64>,
}

/// De minimis aid of one state to the single undertaking that the organisation belongs to.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AidFacts {
    /// What the hours asked for are worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_eur: Option<u32>,
    /// Received in the three years before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_eur_three_years: Option<u32>,
    /// Of what was received, what a register has; where nobody has said the rest, it decides nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_eur: Option<u32>,
}

/// What one organisation has in the mode that is asked about: at the system, and at all of them.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FairAccessFacts {
    pub active_allocations: u32,
    /// At all systems of the mode; as at the one where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_allocations_in_mode: Option<u32>,
    /// Handed in and not decided, without the one that is asked about.
    pub open_applications: u32,
    /// At all systems of the mode, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_applications_in_mode: Option<u32>,
}

/// What is overdue of one kind.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FollowUpFacts {
    /// `final_report`: of `tables/follow_ups.toml`; another one stands in nobody's way.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_due: Option<Date>,
    pub overdue: u32,
}

/// A rule that gave the case to people, and the day from which their answer counts.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SettledFact {
    pub on: Date,
    /// The id of the rule. One about the person who acts is not settled for others: see `Engine::decide`.
    pub rule: String,
    /// What it said, in English; where it says something else now, that is not settled. None: whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// How much of a system's time goes to whom, over the period that the operator reckons with.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SharesFacts {
    /// Of the system, as its site declares it: `high_end`, `ai_optimised`, `mid_range`.
    pub class: String,
    /// Of the Union's time, what is sold; in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commercial_permille_used: Option<u32>,
    /// The share that the hours are of: `union`, `national:FI`, `commercial`; none: that of the mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Of the system's time, what is used for the Union; in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub union_permille_used: Option<u32>,
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
