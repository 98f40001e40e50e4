//! What people settled: a rule that gave the case to them does not give it to them again.

use jiff::civil::Date;

use crate::decision::{Effect, Spoken};
use crate::engine::Engine;
use crate::evaluate::FAILED;
use crate::question::{Action, Question, SettledFact};
use crate::rule::Rule;

pub(crate) const SETTLED: &str = "{words}; a reviewer settled this on {on}";

pub(crate) fn settled_words(words: &str, on: Date) -> String {
    format!("{words}; a reviewer settled this on {on}")
}

/// An applicant whom people let pass is no word on a colleague who hands a job in.
fn looks_at_the_person(rule: &Rule) -> bool {
    let of_a_person = ["applicant", "screening"];
    let reads = rule.reads.as_ref();
    reads.is_none_or(|reads| of_a_person.iter().any(|it| reads.contains(*it)))
}

impl Engine {
    pub(crate) fn settle(&self, question: &Question, said: &mut [Spoken]) {
        let failed = |spoken: &Spoken| spoken.words.starts_with(FAILED);
        for spoken in said.iter_mut().filter(|it| !failed(it)) {
            let rule = self.rulebook.rule(&spoken.rule);
            if let Some(on) = rule.and_then(|rule| settled_on(question, rule, &spoken.words)) {
                spoken.effect = Effect::Satisfied;
                spoken.words = settled_words(&spoken.words, on);
                spoken.remedy = None;
            }
        }
    }
}

/// Since when what the rule asks of people is answered, if it is.
pub(crate) fn settled_on(question: &Question, rule: &Rule, words: &str) -> Option<Date> {
    let is_of_the_person = question.action == Action::SubmitJob && looks_at_the_person(rule);
    if rule.info.effect != Effect::NeedsReview || is_of_the_person {
        return None;
    }
    let settled = question.settled.iter().flatten();
    let said = |it: &&SettledFact| it.words.as_deref().is_none_or(|it| it == words);
    let it = settled.filter(|it| it.rule == rule.info.id && it.on <= question.on);
    it.filter(said).map(|it| it.on).min()
}
