use std::collections::BTreeMap;

use broker_model::{DecisionId, OrganisationId, SizeClass};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An eligibility decision with every rule that spoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    pub result: DecisionResult,
    /// Satisfied ones included.
    pub rules: Vec<SpokenView>,
    /// Which rules and tables it was decided under.
    pub policy_digest: String,
    /// SHA-256 over the canonical JSON of the question.
    pub inputs_digest: String,
}

/// A stored decision, made again from its stored question under the policy of its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionReplayView {
    pub decision: DecisionId,
    pub organisation: OrganisationId,
    pub decided_at: Timestamp,
    pub policy_digest: String,
    /// Whether it came out the same, byte for byte.
    pub same: bool,
    /// Why it could not be made again, or that it came out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Question and decision, as they are stored: in English.
    pub document: Value,
    /// Places of the document that are for reviewers alone, as JSON Pointers; it was made again with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The decision in the language that was asked for; none where the broker cannot read the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<DecisionView>,
}

/// A policy set, and what it has decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    pub policy_digest: String,
    /// Decides now.
    pub in_force: bool,
    /// Its decisions can be made again at the broker, and other sets compared with it.
    pub kept: bool,
    pub decisions: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// A candidate set, and what it is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyComparisonQuery {
    /// The digest of a set that the broker keeps; instead of `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// By their names in a policy folder: `rules/ethics.cedar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
    /// The digest of one that is asked the same; without it what was decided counts, or with `on` the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// As if it were that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<DecisionId>,
}

/// What another set says otherwise, of some of the decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyComparisonView {
    pub policy_digest: String,
    pub asked: u64,
    /// Whose document the broker cannot read.
    pub unreadable: u64,
    pub changes: Vec<DecisionChangeView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<DecisionId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionChangeView {
    pub decision: DecisionId,
    pub organisation: OrganisationId,
    pub decided_at: Timestamp,
    pub from: DecisionResult,
    pub to: DecisionResult,
    /// `+` before one that objects and did not, `-` before one that no longer does.
    pub rules: Vec<String>,
    /// Where the two sets find another size, by the accounts that the organisation has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeChangeView>,
}

/// The size of an organisation under two policy sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeChangeView {
    pub from: SizeClass,
    pub to: SizeClass,
}

/// The gravest effect among the rules that spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionResult {
    Eligible,
    NotEligible,
    /// The applicant can change the answer by handing something in.
    NeedsEvidence,
    /// A person decides.
    NeedsReview,
}

/// One rule, and what it said about this very case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenView {
    pub rule: String,
    pub title: String,
    /// The article of law or the call.
    pub source: String,
    /// When somebody last held the rule against its source; none of decisions from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
    /// The first day it counted.
    pub effective: Date,
    pub effect: RuleEffect,
    pub words: String,
    /// What would change the answer; none for a satisfied rule.
    pub remedy: Option<String>,
}

/// What a rule does to a case, from lightest to gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    Satisfied,
    NeedsReview,
    NeedsEvidence,
    Refused,
}
