//! An eligibility decision in words: every rule that spoke, its source, and what would change it.

use policy_engine::{Decision, Effect, Outcome};

use crate::texts::Texts;

#[derive(Clone, Debug)]
pub(crate) struct DecisionView {
    pub(crate) class: &'static str,
    pub(crate) result: &'static str,
    pub(crate) rules: Vec<RuleView>,
}

/// Titles, sources and words come from the policy, which is written in English.
#[derive(Clone, Debug)]
pub(crate) struct RuleView {
    pub(crate) class: &'static str,
    pub(crate) effect: &'static str,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) effective: String,
    pub(crate) words: String,
    pub(crate) remedy: Option<String>,
}

impl DecisionView {
    pub(crate) fn new(texts: Texts, decision: &Decision) -> Self {
        let (class, key) = match decision.result {
            Outcome::Eligible => ("good", "eligibility.eligible"),
            Outcome::NotEligible => ("bad", "eligibility.not_eligible"),
            Outcome::NeedsEvidence => ("wait", "eligibility.needs_evidence"),
            Outcome::NeedsReview => ("wait", "eligibility.needs_review"),
        };
        let rules = decision.rules.iter().map(|rule| {
            let (class, key) = effect(rule.effect);
            RuleView {
                class,
                effect: texts.of(key),
                title: rule.title.clone(),
                source: rule.source.clone(),
                effective: rule.effective.to_string(),
                words: rule.words.clone(),
                remedy: rule.remedy.clone(),
            }
        });
        Self {
            class,
            result: texts.of(key),
            rules: rules.collect(),
        }
    }
}

const fn effect(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Satisfied => ("good", "effect.satisfied"),
        Effect::NeedsReview => ("wait", "effect.needs_review"),
        Effect::NeedsEvidence => ("wait", "effect.needs_evidence"),
        Effect::Refused => ("bad", "effect.refused"),
    }
}
