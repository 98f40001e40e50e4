use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::evaluate::REPORT;

/// The answer, with everything that led to it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub result: Outcome,
    /// Every rule that spoke, satisfied ones included, by file and then in the order of the file.
    pub rules: Vec<Spoken>,
    /// The rules, schema and tables decided under, as `Engine::digest` gives it.
    pub policy_digest: String,
    /// SHA-256 over the canonical JSON of the question.
    pub inputs_digest: String,
}

/// What becomes of the question: the gravest effect among the rules that spoke.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Eligible,
    NotEligible,
    /// The applicant can change the answer by handing something in.
    NeedsEvidence,
    /// A person decides.
    NeedsReview,
}

/// One rule that spoke, and what it said about this very case.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Spoken {
    pub rule: String,
    pub title: String,
    pub source: String,
    /// When somebody last held the rule against its source; none where the engine speaks itself, and of decisions from
    /// before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
    pub effective: Date,
    pub effect: Effect,
    pub words: String,
    /// What would change the answer; none for a satisfied rule.
    pub remedy: Option<String>,
}

/// What a rule does to the case, from lightest to gravest.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Satisfied,
    NeedsReview,
    /// Comes before review: a reviewer should find the file complete.
    NeedsEvidence,
    Refused,
}

impl Decision {
    /// Which of the rules decided, by its place: the first of the gravest effect; none where all are satisfied.
    pub fn deciding(&self) -> Option<usize> {
        self.deciding_of(|_| true)
    }

    /// The same among those that count for who asks.
    pub fn deciding_of(&self, counts: impl Fn(&Spoken) -> bool) -> Option<usize> {
        let rules = self.rules.iter().enumerate();
        let object = rules.filter(|(_, it)| it.effect != Effect::Satisfied && counts(it));
        // Of several equal ones the last is taken, and the first is wanted.
        let gravest = object.rev().max_by_key(|(_, it)| it.effect);
        gravest.map(|(place, _)| place)
    }
}

impl Spoken {
    /// Whether the engine speaks here in the place of a rule: one that could not be evaluated, or none at all.
    pub fn is_of_the_engine(&self) -> bool {
        self.remedy.as_deref() == Some(REPORT)
    }
}

impl Effect {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "satisfied" => Self::Satisfied,
            "refused" => Self::Refused,
            "needs_evidence" => Self::NeedsEvidence,
            "needs_review" => Self::NeedsReview,
            _ => return None,
        })
    }
}

impl Outcome {
    /// No rule at all is no ground to let anybody in.
    pub(crate) fn of(spoken: &[Spoken]) -> Self {
        match spoken.iter().map(|spoken| spoken.effect).max() {
            Some(Effect::Satisfied) => Self::Eligible,
            Some(Effect::NeedsReview) | None => Self::NeedsReview,
            Some(Effect::NeedsEvidence) => Self::NeedsEvidence,
            Some(Effect::Refused) => Self::NotEligible,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(effects: &[Effect]) -> Decision {
        let rules = effects.iter().enumerate().map(|(at, &effect)| Spoken {
            rule: format!("made_up.r{at}"),
            title: String::new(),
            source: String::new(),
            checked_on: None,
            effective: jiff::civil::date(2026, 11, 20),
            effect,
            words: String::new(),
            remedy: None,
        });
        let rules: Vec<Spoken> = rules.collect();
        Decision {
            result: Outcome::of(&rules),
            rules,
            policy_digest: String::new(),
            inputs_digest: String::new(),
        }
    }

    #[test]
    fn the_first_of_the_gravest_decides_wherever_it_stands() {
        use Effect::{NeedsEvidence, NeedsReview, Refused, Satisfied};
        for (effects, deciding) in [
            (&[][..], None),
            (&[Satisfied, Satisfied][..], None),
            (&[Satisfied, NeedsReview, NeedsReview][..], Some(1)),
            (&[NeedsReview, NeedsEvidence, Satisfied][..], Some(1)),
            (&[NeedsReview, NeedsEvidence, Refused, Refused][..], Some(2)),
        ] {
            assert_eq!(said(effects).deciding(), deciding, "{effects:?}");
        }
        let passed_over = said(&[NeedsReview, Refused]);
        let others = passed_over.deciding_of(|it| it.effect != Refused);
        assert_eq!(others, Some(0));
    }
}
