use broker_model::{InvalidSpec, Placement, UnacceptedTerms};
use serde::{Deserialize, Serialize};

use crate::wire::DecisionView;

/// A problem document (RFC 9457). `code` is stable; `detail` is for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    #[serde(rename = "type", default)]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    #[serde(default)]
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Every field that was not accepted: where, why, what is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InvalidSpec>,
    /// The decision that said no, with every rule that spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Box<DecisionView>>,
    /// The placement that found nothing, with the clauses for every partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// Terms in force: those that are to be accepted first, or the one that was not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<UnacceptedTerms>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
