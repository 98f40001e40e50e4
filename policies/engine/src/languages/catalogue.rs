use std::collections::BTreeMap;

use serde::Deserialize;

use super::titles::{Known, TitleKind};
use crate::error::{Fault, LoadError};
use crate::rule::Rule;
use crate::sources::Source;
use crate::tables::{self, Bound};
use crate::words::{Fact, Template};

/// What one language has for the texts of the policy.
#[derive(Debug)]
pub(crate) struct Catalogue {
    rules: BTreeMap<String, RuleTexts>,
    titles: BTreeMap<TitleKind, BTreeMap<String, String>>,
    pub(super) standings: BTreeMap<String, StandingTexts>,
    /// Reasons and notes of other files, by their English.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) phrases: Option<Phrases>,
}

#[derive(Debug)]
pub(crate) struct RuleTexts {
    pub(super) title: String,
    pub(super) words: Template<Fact>,
    pub(super) remedy: Option<String>,
}

/// What a country is to the Union or a programme.
#[derive(Debug)]
pub(super) struct StandingTexts {
    pub(super) words: Template<Bound>,
    pub(super) words_past: Template<Bound>,
}

/// The little words that stand between facts.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    pub(super) between: String,
    pub(super) last: String,
    pub(super) nothing: String,
    pub(super) today: String,
    /// With `{day}`, `{month}` and `{year}`.
    pub(super) date: String,
    pub(super) months: [String; 12],
    pub(super) first_of_month: String,
    pub(super) decimal: String,
    /// With `{amount}`.
    pub(super) less_than: String,
    /// With `{name}` and `{code}`.
    pub(super) country: String,
    /// With `{title}` and `{issued_on}`.
    pub(super) evidence: String,
    /// With `{last_day}` too.
    pub(super) evidence_until: String,
    /// With `{title}`.
    pub(super) mode: String,
    pub(super) no_reason: String,
    pub(super) unknown_day: String,
    pub(super) with_second_factor: String,
    pub(super) without_second_factor: String,
    pub(super) open: String,
    /// With `{on}`.
    pub(super) none_in_force: String,
    /// With `{question}`.
    pub(super) no_answer: String,
    /// With `{error}`.
    pub(super) failed: String,
    /// With `{words}` and `{on}`.
    pub(super) settled: String,
    pub(super) report: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rules: BTreeMap<String, RuleRow>,
    #[serde(default)]
    titles: BTreeMap<TitleKind, BTreeMap<String, String>>,
    #[serde(default)]
    standings: BTreeMap<String, StandingRow>,
    #[serde(default)]
    texts: BTreeMap<String, String>,
    phrases: Option<Phrases>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleRow {
    title: String,
    words: String,
    remedy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandingRow {
    words: String,
    words_past: String,
}

impl Catalogue {
    pub(super) fn load(
        source: &Source,
        rules: &[Rule],
        known: &Known<'_>,
    ) -> Result<Self, LoadError> {
        let file: File = tables::parse(source)?;
        let is_english = source.name.ends_with("/en.toml");
        for (kind, titles) in &file.titles {
            if let Some(strange) = titles.keys().find(|id| !known.has(*kind, id, is_english)) {
                let reason = format!("the policy has no {kind:?} `{strange}`");
                return Err(wrong(source, strange, reason));
            }
        }
        let rules = { file.rules.into_iter() }
            .map(|(id, row)| RuleTexts::read(source, rules, &id, row).map(|texts| (id, texts)));
        let standings = { file.standings.into_iter() }
            .map(|(id, row)| row.read(source, &id).map(|texts| (id, texts)));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            titles: file.titles,
            standings: standings.collect::<Result<_, _>>()?,
            texts: file.texts,
            phrases: file.phrases,
        })
    }

    pub(super) fn rule(&self, id: &str) -> Option<&RuleTexts> {
        self.rules.get(id)
    }

    pub(super) fn title(&self, kind: TitleKind, id: &str) -> Option<&str> {
        self.titles.get(&kind)?.get(id).map(String::as_str)
    }

    pub(super) fn ids(&self, kind: TitleKind) -> impl Iterator<Item = &str> {
        let titles = self.titles.get(&kind);
        titles
            .into_iter()
            .flat_map(|it| it.keys().map(String::as_str))
    }
}

impl RuleTexts {
    fn read(source: &Source, rules: &[Rule], id: &str, row: RuleRow) -> Result<Self, LoadError> {
        let wrong = |reason: String| wrong(source, id, reason).in_rule(id);
        let rule = rules.iter().find(|rule| rule.info.id == id);
        let rule = rule.ok_or_else(|| wrong("the policy has no such rule".to_owned()))?;
        let words =
            Template::parse(&row.words, Fact::named).map_err(|fault| wrong(fault.to_string()))?;
        let strange = { words.facts() }.find(|fact| !rule.words.facts().any(|it| it == *fact));
        let lacking = { rule.words.facts() }.find(|fact| !words.facts().any(|it| it == *fact));
        if let Some(fact) = strange.or(lacking) {
            return Err(wrong(format!(
                "its words and the English ones do not both name {fact:?}"
            )));
        }
        if row.remedy.is_some() != rule.info.remedy.is_some() {
            return Err(wrong(
                "it has a remedy where the rule has none, or none".to_owned(),
            ));
        }
        Ok(Self {
            title: row.title,
            words,
            remedy: row.remedy,
        })
    }
}

impl StandingRow {
    fn read(&self, source: &Source, id: &str) -> Result<StandingTexts, LoadError> {
        let read = |text: &str| {
            Template::parse(text, Bound::named)
                .map_err(|fault| wrong(source, id, fault.to_string()))
        };
        Ok(StandingTexts {
            words: read(&self.words)?,
            words_past: read(&self.words_past)?,
        })
    }
}

/// An error about what a catalogue has under `id`.
fn wrong(source: &Source, id: &str, reason: String) -> LoadError {
    let (key, quoted) = (format!("{id} = "), format!("\"{id}\""));
    let mut lines = source.text.lines();
    let place = lines.position(|line| line.starts_with(&key) || line.contains(&quoted));
    LoadError::new(&source.name, Fault::Words(reason)).at_line(place.map(|line| line + 1))
}
