use std::collections::BTreeMap;

use broker_model::{AiAct, ApplicationAid, OrganisationId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DecisionView, DueView, DutyView, GpuHoursView, OfferView, SourcedView};

/// "What can I have?", asked of an organisation that is registered, or of facts that need not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteQuery {
    /// One that the caller speaks for, with its evidence; instead of `organisation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<OrganisationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<RouteOrganisation>,
    pub project: RouteProject,
    /// What is at hand; nobody has checked it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<RouteEvidence>,
    #[serde(default)]
    pub need: RouteNeed,
    /// Of a company: what national hours that are free for it hang on. What the register of the platform has is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<ApplicationAid>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteOrganisation {
    /// Of establishment (ISO 3166-1 alpha-2).
    pub country: String,
    /// `company`, `research` or `public_sector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `micro`, `small`, `medium`, `large` or `unclear` (2003/361/EC).
    pub size: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteProject {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub civilian: Option<bool>,
    /// Horizon Europe or Digital Europe pays for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eu_project: Option<bool>,
    pub sectors: Vec<String>,
    /// What it says of itself under the AI Act; none while nobody has assessed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_act: Option<AiAct>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteEvidence {
    pub kind: String,
    pub issued_on: Date,
    /// The last day it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteNeed {
    /// Physical GPU-hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
}

/// Every route, best answers first, and where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteListView {
    pub items: Vec<RouteView>,
    /// By mode; local modes, national shares and what a site sells are each of one site and not listed.
    #[serde(default)]
    pub not_offered: Vec<NotOfferedView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOfferedView {
    /// The id of the mode.
    pub mode: String,
    pub title: String,
    /// `site/system`.
    pub systems: Vec<String>,
}

/// One access mode at one system, with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// The id of the mode.
    pub mode: String,
    pub offer: SourcedView<OfferView>,
    /// What the mode is called.
    pub title: String,
    /// Why it is closed, in the language of the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the codes are called that stand here as values: its cost, and the kinds of evidence that its changes add.
    #[serde(default)]
    pub titles: BTreeMap<String, String>,
    /// The first day of the offer's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// `union`, `commercial`, `national:` and a state, or `national` for the applicant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<SourcedView<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<SourcedView<GpuHoursView>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations_months: Option<SourcedView<Vec<u32>>>,
    /// What is asked for with an application, by kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<SourcedView<String>>,
    /// What whoever gets hours owes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<SourcedView<DutyView>>,
    /// `free`, `pay_per_use`, `unclear`, or `not_served`: the mode is not for this kind of applicant.
    pub cost: String,
    pub decision: DecisionView,
    /// Each of these makes it eligible: it was decided again with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Vec<ChangeView>>,
    /// By when an application of now is decided.
    pub decided_by: Option<DueView>,
    /// Where all cut-offs of the mode that are known are over, the day of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// A field of the query; `evidence` is one that is added, checked, and `aid.worth_eur` the most it may be.
    pub field: String,
    pub to: Value,
}
