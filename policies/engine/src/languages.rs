//! What the policy says in other languages than that of its rules. Words do not decide: a decision is written in
//! English, and said again from the same facts where somebody reads another language.

mod catalogue;
mod titles;
mod voice;

use std::collections::BTreeMap;

pub(crate) use self::catalogue::Catalogue;
pub use self::titles::TitleKind;
pub(crate) use self::voice::Voice;
use crate::decision::{Decision, Effect, Spoken};
use crate::engine::Engine;
use crate::error::{Fault, LoadError};
use crate::evaluate::{FAILED, OPEN, REPORT};
use crate::facts::Facts;
use crate::question::Question;
use crate::rule::Rule;
use crate::settle::{settled_on, settled_words};
use crate::sources::Source;
use crate::tables::Tables;

/// The language of the rules themselves.
const SOURCE_LANGUAGE: &str = "en";

/// The catalogues, by ISO 639-1.
#[derive(Debug)]
pub(crate) struct Languages(BTreeMap<String, Catalogue>);

impl Languages {
    pub(crate) fn load(
        sources: &[Source],
        rules: &[Rule],
        tables: &Tables,
    ) -> Result<Self, LoadError> {
        let mut loaded = BTreeMap::new();
        // English first: it says which documents and duties there are beside those of the modes.
        let english = |source: &&Source| language_of(source) == Some(SOURCE_LANGUAGE);
        let others = sources.iter().filter(|source| !english(source));
        for source in sources.iter().filter(english).chain(others) {
            let language = language_of(source)
                .ok_or_else(|| LoadError::new(&source.name, Fault::Words(NO_LANGUAGE.into())))?;
            let known = titles::Known::of(tables, loaded.get(SOURCE_LANGUAGE));
            let catalogue = Catalogue::load(source, rules, &known)?;
            loaded.insert(language.to_owned(), catalogue);
        }
        Ok(Self(loaded))
    }

    fn get(&self, language: &str) -> Option<&Catalogue> {
        self.0.get(language)
    }
}

const NO_LANGUAGE: &str = "a catalogue has the name of its language: `words/fr.toml`";

fn language_of(source: &Source) -> Option<&str> {
    let name = source.name.strip_prefix("words/")?.strip_suffix(".toml")?;
    let is_code = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_lowercase());
    is_code.then_some(name)
}

impl Engine {
    /// The languages that decisions can be said in, by ISO 639-1; English is always among them.
    pub fn languages(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.languages.0.keys().map(String::as_str).collect();
        if !all.contains(&SOURCE_LANGUAGE) {
            all.insert(0, SOURCE_LANGUAGE);
        }
        all.sort_unstable();
        all
    }

    /// The same decision with titles, words and remedies in another language.
    ///
    /// A rule stays in English where there is no such language, where the catalogue lacks it, and where this policy
    /// would not say the same English of this question: then the decision was made under another policy, and a
    /// translation would tell of facts that it did not stand on.
    pub fn in_language(
        &self,
        question: &Question,
        decision: &Decision,
        language: &str,
    ) -> Decision {
        let mut said = decision.clone();
        if let Some(catalogue) = self.languages.get(language) {
            let facts = Facts::gather(question, self.tables());
            for spoken in &mut said.rules {
                self.translate(spoken, &facts, Voice::of(catalogue, language));
            }
        }
        said
    }

    fn translate(&self, spoken: &mut Spoken, facts: &Facts<'_>, voice: Voice<'_>) {
        let Some(rule) = self.rulebook.rule(&spoken.rule) else {
            return voice.translate_gap(spoken, facts.question.on);
        };
        let (title, template, remedy) = match voice.rule(&spoken.rule) {
            Some(texts) => (&texts.title, &texts.words, texts.remedy.as_ref()),
            // What it names has a title in English, too, beside the id that is stored.
            None if voice.is_source() => (&rule.info.title, &rule.words, None),
            None => return,
        };
        if spoken.title != rule.info.title {
            return;
        }
        if let Some(error) = spoken.words.strip_prefix(FAILED) {
            (spoken.words, spoken.remedy) = voice.failed(error);
            title.clone_into(&mut spoken.title);
            return;
        }
        let english = rule.words_on(facts, Voice::ENGLISH);
        let settled = settled_on(facts.question, rule, &english);
        let (effect, english) = match settled {
            Some(on) => (Effect::Satisfied, settled_words(&english, on)),
            None => (rule.info.effect, english),
        };
        if spoken.effect == effect && spoken.words == english {
            title.clone_into(&mut spoken.title);
            spoken.words = rule.say(template, facts, voice);
            if let Some(on) = settled {
                spoken.words = voice.settled(&spoken.words, on);
            }
            let remedy = || remedy.or(rule.info.remedy.as_ref()).cloned();
            spoken.remedy = (spoken.effect != Effect::Satisfied).then(remedy).flatten();
        }
    }

    /// A reason or a note of the policy in a language; in English, as it is written, where nobody has translated it.
    pub fn text<'a>(&'a self, english: &'a str, language: &'a str) -> &'a str {
        let catalogue = self.languages.get(language);
        catalogue.map_or(english, |it| Voice::of(it, language).text(english))
    }

    /// What something is called in a language: in English where it has no name there, and by its id where it has none
    /// at all.
    pub fn title<'a>(&'a self, kind: TitleKind, id: &'a str, language: &str) -> &'a str {
        let named = |language: &str| self.languages.get(language)?.title(kind, id);
        named(language)
            .or_else(|| self.tables().own_title(kind, id, language))
            .or_else(|| named(SOURCE_LANGUAGE))
            .unwrap_or(id)
    }
}

impl Voice<'_> {
    /// What the engine says itself where the rules say nothing.
    fn translate_gap(self, spoken: &mut Spoken, on: jiff::civil::Date) {
        if spoken.title != OPEN || spoken.remedy.as_deref() != Some(REPORT) {
            return;
        }
        let no_answer = format!("no rule of `{}` answers this case", spoken.rule);
        let words = if spoken.words == no_answer {
            self.no_answer(&spoken.rule)
        } else if spoken.words == format!("no rule is in force on {on}") {
            self.none_in_force(on)
        } else {
            return;
        };
        spoken.words = words;
        spoken.title = self.open();
        spoken.remedy = Some(self.report());
    }
}

#[cfg(test)]
mod tests;
