//! Reasons as codes with data, and the sentences that people read, by language.

mod catalogue;
mod code;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(super) use catalogue::Catalogue;
pub use code::ReasonCode;

use super::directory::{Directory, DirectoryError, Titles};

/// What speaks for a centre, or against it, or is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: ReasonCode,
    /// What it counts for in the order; 0 is only told.
    pub weight: u32,
    /// Whether what it rests on is certain.
    pub certain: bool,
    /// Codes that it is about: `service`, `sector`, `country`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Vec<String>>,
    /// The sentence, by language.
    pub words: Titles,
}

/// What the values of a parameter are, and so where their titles are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Service,
    Sector,
    Country,
    Language,
    DataClass,
    Centre,
    Plain,
}

/// Lists of codes that have names in the catalogues alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    Country,
    DataClass,
    Kind,
    Language,
    Timing,
}

/// The name in braces, what its values are, and the values.
pub(super) type Param = (&'static str, Term, Vec<String>);

/// The catalogues of a directory, each with its file's name.
#[derive(Debug)]
pub(super) struct Words(Vec<(String, Catalogue)>);

impl Words {
    pub(super) const fn new(catalogues: Vec<(String, Catalogue)>) -> Self {
        Self(catalogues)
    }

    pub(super) fn check(&self) -> Result<(), DirectoryError> {
        catalogue::check(&self.0)
    }

    pub(super) fn written_in(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, it)| it.language.as_str())
    }

    /// Those that have a name, by code.
    pub(super) fn languages(&self) -> BTreeSet<&str> {
        let named = self.0.iter().flat_map(|(_, it)| it.languages.keys());
        named.map(String::as_str).collect()
    }
}

impl Directory {
    /// What people call a code in a language, given by its own code; the code itself where it has no name
    /// there.
    pub fn called(&self, (list, code): (Vocabulary, &str), language: &str) -> String {
        let mut catalogues = self.words.0.iter().map(|(_, it)| it);
        let catalogue = catalogues.find(|it| it.language == language);
        let name = catalogue.and_then(|it| it.terms_of(list).get(code));
        name.map_or_else(|| code.to_owned(), Clone::clone)
    }

    /// A reason with its sentence in every language.
    pub(super) fn reason(
        &self,
        code: ReasonCode,
        (weight, certain): (u32, bool),
        params: &[Param],
    ) -> Reason {
        let sentence = |catalogue: &Catalogue| {
            let mut text = catalogue.reasons.get(&code).cloned().unwrap_or_default();
            for (name, term, values) in params {
                let titles = values.iter().map(|it| self.title(catalogue, *term, it));
                let titles = titles.collect::<Vec<_>>().join(", ");
                text = text.replace(&format!("{{{name}}}"), &titles);
            }
            (catalogue.language.clone(), text)
        };
        let named = params.iter();
        Reason {
            code,
            weight,
            certain,
            params: named
                .map(|(name, _, values)| ((*name).to_owned(), values.clone()))
                .collect(),
            words: self.words.0.iter().map(|(_, it)| sentence(it)).collect(),
        }
    }

    /// What people call it; its code where it has no name in this language.
    fn title(&self, catalogue: &Catalogue, term: Term, value: &str) -> String {
        let titled = |titles: &Titles| titles.get(&catalogue.language).cloned();
        let found = match term {
            Term::Service => self.service(value).and_then(|it| titled(&it.title)),
            Term::Sector => self.sector(value).and_then(|it| titled(&it.title)),
            Term::Country => catalogue.countries.get(value).cloned(),
            Term::Language => catalogue.languages.get(value).cloned(),
            Term::DataClass => catalogue.data_classes.get(value).cloned(),
            Term::Centre => { value.parse().ok() }
                .and_then(|id| self.centre(&id))
                .map(|it| it.name.value.clone()),
            Term::Plain => None,
        };
        found.unwrap_or_else(|| value.to_owned())
    }
}
