use jiff::civil::Date;
use serde::{Deserialize, Serialize};

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
