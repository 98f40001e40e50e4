use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use policy_engine::{Decision, Engine, Question};
use serde::Serialize;

/// Decisions held at once, of a few kilobytes each.
const MOST: u64 = 1_000;
/// A balance moves with every job, and a question that nobody asks again is only in the way.
const UNASKED: Duration = Duration::from_secs(10);

/// What the policy was asked and what it said.
#[derive(Clone, Debug)]
pub struct Asked {
    pub question: Question,
    pub decision: Decision,
    /// Where the rule stands in the decision that stood in the way: its remedy helps, and that of no milder one. An
    /// acceptance passes over some that the decision of the applicant does not.
    pub stopped_by: Option<usize>,
}

/// What the policy said to a question, and how it is stored.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) question: Question,
    pub(crate) decision: Decision,
    /// JSON: the question and the decision, enough to ask again and compare byte for byte.
    pub(crate) document: String,
}

#[derive(Serialize)]
struct Document<'a> {
    question: &'a Question,
    decision: &'a Decision,
}

/// Decisions made lately, so that many jobs of one moment are decided once.
///
/// The engine is a function of question and policy set, and both are the key, whole: what is revoked,
/// spent or out of date is another question, and a new policy set asks every question anew.
#[derive(Debug)]
pub(crate) struct Decisions {
    made: Cache<String, Arc<Made>>,
}

impl Default for Decisions {
    fn default() -> Self {
        let made = Cache::builder().max_capacity(MOST).time_to_idle(UNASKED);
        Self { made: made.build() }
    }
}

impl Decisions {
    /// Answers a question as `engine` does.
    pub(crate) fn decide(&self, engine: &Engine, question: &Question) -> Arc<Made> {
        let Ok(asked) = serde_json::to_string(question) else {
            return Arc::new(Made::by(engine, question));
        };
        let key = format!("{} {asked}", engine.digest());
        if let Some(made) = self.made.get(&key) {
            return made;
        }
        let made = Arc::new(Made::by(engine, question));
        self.made.insert(key, Arc::clone(&made));
        made
    }
}

impl Made {
    pub(crate) fn by(engine: &Engine, question: &Question) -> Self {
        let decision = engine.decide(question);
        let document = Document {
            question,
            decision: &decision,
        };
        Self {
            document: serde_json::to_string(&document).unwrap_or_default(),
            question: question.clone(),
            decision,
        }
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::Outcome;

    use super::*;

    const QUESTION: &str = r#"{
        "action": "submit_job", "on": "2026-11-20",
        "organisation": {"country": "FR", "size": "small"},
        "evidence": [{"kind": "ai_pact_pledge", "issued_on": "2026-01-15", "expires_on": null,
            "checked": true}],
        "project": {"civilian": true, "sectors": ["health"]},
        "allocation": {"valid_from": "2026-09-01", "valid_until": "2027-03-01",
            "suspended": false, "unspent_unit_ms": 18000000000, "begun": true, "ended": false},
        "applicant": {"identity_assurance": "medium", "multi_factor": true}
    }"#;

    fn question() -> Question {
        serde_json::from_str(QUESTION).unwrap()
    }

    #[test]
    fn the_same_question_is_decided_once() {
        let (engine, decisions) = (Engine::shipped().unwrap(), Decisions::default());
        let first = decisions.decide(&engine, &question());
        let second = decisions.decide(&engine, &question());
        assert_eq!(first.decision.result, Outcome::Eligible);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.decision, engine.decide(&question()));
    }

    #[test]
    fn any_changed_fact_is_decided_anew() {
        let (engine, decisions) = (Engine::shipped().unwrap(), Decisions::default());
        let before = decisions.decide(&engine, &question());
        let mut suspended = question();
        if let Some(allocation) = &mut suspended.allocation {
            allocation.suspended = true;
        }
        let mut withdrawn = question();
        withdrawn.evidence.clear();
        for changed in [suspended, withdrawn] {
            let after = decisions.decide(&engine, &changed);
            assert_ne!(after.decision.result, Outcome::Eligible);
            assert_ne!(after.document, before.document);
        }
    }
}
