//! A decision of the policy engine in the words of the wire.

use broker_client::wire::{DecisionResult, DecisionView, RuleEffect, SpokenView};
use policy_engine::{Decision, Effect, Outcome, Spoken};

pub(crate) fn view(decision: Decision) -> DecisionView {
    DecisionView {
        result: match decision.result {
            Outcome::Eligible => DecisionResult::Eligible,
            Outcome::NotEligible => DecisionResult::NotEligible,
            Outcome::NeedsEvidence => DecisionResult::NeedsEvidence,
            Outcome::NeedsReview => DecisionResult::NeedsReview,
        },
        rules: decision.rules.into_iter().map(spoken).collect(),
        policy_digest: decision.policy_digest,
        inputs_digest: decision.inputs_digest,
    }
}

fn spoken(spoken: Spoken) -> SpokenView {
    SpokenView {
        effect: match spoken.effect {
            Effect::Satisfied => RuleEffect::Satisfied,
            Effect::NeedsReview => RuleEffect::NeedsReview,
            Effect::NeedsEvidence => RuleEffect::NeedsEvidence,
            Effect::Refused => RuleEffect::Refused,
        },
        rule: spoken.rule,
        title: spoken.title,
        source: spoken.source,
        checked_on: spoken.checked_on,
        effective: spoken.effective,
        words: spoken.words,
        remedy: spoken.remedy,
    }
}
