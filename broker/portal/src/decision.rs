//! An eligibility decision in words: every rule that spoke, its source, and what would change it.

pub(crate) mod show;
mod unasked;

use broker_app::Asked;
use policy_engine::{Decision, Effect, Engine, Outcome, Question};
use serde::Deserialize;

use crate::texts::Texts;

/// The language that the rules are written in.
const ENGLISH: &str = "en";

#[derive(Clone, Debug)]
pub(crate) struct DecisionView {
    pub(crate) class: &'static str,
    pub(crate) result: &'static str,
    pub(crate) rules: Vec<RuleView>,
    /// The first rule that the answer follows from; none where all are satisfied.
    pub(crate) deciding: Option<usize>,
    /// Facts that nobody gave, so that no rule on them was asked; only of a stored decision.
    pub(crate) unasked: Vec<&'static str>,
}

/// Sources stay as they are cited.
#[derive(Clone, Debug)]
pub(crate) struct RuleView {
    pub(crate) class: &'static str,
    pub(crate) effect: &'static str,
    /// Of the title, the words and the remedy.
    pub(crate) lang: &'static str,
    pub(crate) title: String,
    pub(crate) source: String,
    pub(crate) effective: String,
    pub(crate) checked_on: Option<String>,
    pub(crate) words: String,
    pub(crate) remedy: Option<String>,
}

/// A stored decision beside its question.
#[derive(Deserialize)]
struct Document {
    question: Question,
    decision: Decision,
}

impl DecisionView {
    /// In the language of the texts, rule by rule, as far as the policy has the words; in English else.
    pub(crate) fn said(
        texts: Texts,
        engine: &Engine,
        (question, decision): (&Question, &Decision),
    ) -> Self {
        let lang = texts.lang();
        let said = engine.in_language(question, decision, lang);
        let pairs = said.rules.iter().zip(&decision.rules);
        let langs = pairs.map(|(said, written)| lang_of(said.words != written.words, texts));
        Self::new(texts, &said, &langs.collect::<Vec<_>>())
    }

    /// Why something was refused.
    pub(crate) fn asked(texts: Texts, engine: &Engine, asked: &Asked) -> Self {
        Self {
            deciding: asked.stopped_by,
            ..Self::said(texts, engine, (&asked.question, &asked.decision))
        }
    }

    /// Where nobody hands on what was asked.
    pub(crate) fn in_english(texts: Texts, decision: &Decision) -> Self {
        Self::new(texts, decision, &vec![ENGLISH; decision.rules.len()])
    }

    /// Of what is said in the language of the texts already, under the present policy.
    pub(crate) fn in_words(texts: Texts, engine: &Engine, said: &Decision) -> Self {
        let langs = said.rules.iter().map(|spoken| {
            let mut rules = engine.rules().iter();
            let written = rules.find(|it| it.id == spoken.rule);
            lang_of(written.is_none_or(|it| it.title != spoken.title), texts)
        });
        Self::new(texts, said, &langs.collect::<Vec<_>>())
    }

    /// As it is stored, with its question; nothing where that cannot be read.
    pub(crate) fn stored(texts: Texts, engine: &Engine, document: &str) -> Option<Self> {
        let read: Document = serde_json::from_str(document).ok()?;
        let asked = (&read.question, &read.decision);
        Some(Self {
            unasked: unasked::facts(texts, &read.question),
            ..Self::said(texts, engine, asked)
        })
    }

    pub(crate) fn reason(&self) -> Option<&RuleView> {
        self.rules.get(self.deciding?)
    }

    fn new(texts: Texts, said: &Decision, langs: &[&'static str]) -> Self {
        let (class, key, by) = match said.result {
            Outcome::Eligible => ("good", "eligibility.eligible", None),
            Outcome::NotEligible => ("bad", "eligibility.not_eligible", Some(Effect::Refused)),
            Outcome::NeedsEvidence => {
                let by = Some(Effect::NeedsEvidence);
                ("wait", "eligibility.needs_evidence", by)
            }
            Outcome::NeedsReview => (
                "wait",
                "eligibility.needs_review",
                Some(Effect::NeedsReview),
            ),
        };
        let mut effects = said.rules.iter().map(|it| it.effect);
        let deciding = by.and_then(|by| effects.position(|it| it == by));
        let rules = said.rules.iter().zip(langs).map(|(rule, &lang)| {
            let (class, key) = effect(rule.effect);
            RuleView {
                class,
                effect: texts.of(key),
                lang,
                title: rule.title.clone(),
                source: rule.source.clone(),
                effective: rule.effective.to_string(),
                checked_on: rule.checked_on.map(|it| it.to_string()),
                words: rule.words.clone(),
                remedy: rule.remedy.clone(),
            }
        });
        Self {
            class,
            result: texts.of(key),
            rules: rules.collect(),
            deciding,
            unasked: Vec::new(),
        }
    }
}

fn lang_of(is_translated: bool, texts: Texts) -> &'static str {
    if is_translated { texts.lang() } else { ENGLISH }
}

const fn effect(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Satisfied => ("good", "effect.satisfied"),
        Effect::NeedsReview => ("wait", "effect.needs_review"),
        Effect::NeedsEvidence => ("wait", "effect.needs_evidence"),
        Effect::Refused => ("bad", "effect.refused"),
    }
}
