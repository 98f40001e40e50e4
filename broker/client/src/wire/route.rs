use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DecisionView, DueView, OfferView, SourcedView};

/// "What can I have?", asked of facts that need not be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteQuery {
    pub organisation: RouteOrganisation,
    pub project: RouteProject,
    /// What is at hand; nobody has checked it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<RouteEvidence>,
    #[serde(default)]
    pub need: RouteNeed,
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

/// One access mode at one system, with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// The id of the mode.
    pub mode: String,
    pub offer: SourcedView<OfferView>,
    /// `free`, `pay_per_use` or `unclear`.
    pub cost: String,
    pub decision: DecisionView,
    /// Each of these makes it eligible: it was decided again with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Vec<ChangeView>>,
    /// By when an application of now is decided.
    pub decided_by: Option<DueView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// A field of the query; `evidence` is one that is added, checked.
    pub field: String,
    pub to: Value,
}
