//! Who helps with what, as `config/contact/` has it: data with sources, read and checked, never guessed.

mod check;
mod error;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{CentreId, DataClass, SiteId};
use jiff::civil::Date;
use policy_engine::{Confidence, Sourced};
use serde::{Deserialize, Serialize};

pub use error::DirectoryError;
pub use read::DirectoryTexts;

use super::rank::Weights;
use super::words::Words;

/// By language: `en`, `fr`.
pub type Titles = BTreeMap<String, String>;

#[derive(Debug)]
pub struct Directory {
    centres: Vec<SupportCentre>,
    sectors: Vec<Sector>,
    services: Vec<Service>,
    finance: Vec<Finance>,
    pub(super) weights: Weights,
    pub(super) words: Words,
}

/// Who helps. What is not known of it is empty, which is no reason to leave it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportCentre {
    pub id: CentreId,
    pub kind: CentreKind,
    pub name: Sourced<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The site of a factory, where the federation has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// The factories that an antenna hangs on, which are centres, too.
    #[serde(default)]
    pub factories: Vec<Sourced<Vec<CentreId>>>,
    #[serde(default)]
    pub services: Vec<Sourced<Vec<String>>>,
    #[serde(default)]
    pub sectors: Vec<Sourced<Vec<String>>>,
    #[serde(default)]
    pub languages: Vec<Sourced<Vec<String>>>,
    #[serde(default)]
    pub data_classes: Vec<Sourced<Vec<DataClass>>>,
    /// That it was set up for; others may ask it all the same.
    #[serde(default)]
    pub countries: Vec<Sourced<Vec<String>>>,
    /// Since when it helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Sourced<Date>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Sourced<String>>,
    /// In working days; the platform's default where the centre has not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_within: Option<Sourced<u32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CentreKind {
    Factory,
    Antenna,
    CompetenceCentre,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sector {
    pub code: String,
    pub title: Titles,
    pub source: String,
    pub confidence: Confidence,
    /// When somebody last held it against its source, or chose it where it is a platform default.
    pub checked_on: Date,
    /// A person looks first at who names it.
    #[serde(default)]
    pub review: bool,
}

/// What centres help with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub kind: String,
    pub title: Titles,
    pub source: String,
    pub confidence: Confidence,
    /// See [`Sector::checked_on`].
    pub checked_on: Date,
}

/// Where money may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finance {
    pub id: String,
    pub title: Titles,
    pub what: Titles,
    pub for_whom: Titles,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
}

impl Directory {
    /// In the order of the file.
    pub fn centres(&self) -> &[SupportCentre] {
        &self.centres
    }

    pub fn sectors(&self) -> &[Sector] {
        &self.sectors
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    pub fn finance(&self) -> &[Finance] {
        &self.finance
    }

    pub fn centre(&self, id: &CentreId) -> Option<&SupportCentre> {
        self.centres.iter().find(|it| it.id == *id)
    }

    pub fn sector(&self, code: &str) -> Option<&Sector> {
        self.sectors.iter().find(|it| it.code == code)
    }

    pub fn service(&self, kind: &str) -> Option<&Service> {
        self.services.iter().find(|it| it.kind == kind)
    }

    /// Those that people can ask to be helped in, by code.
    pub fn languages(&self) -> BTreeSet<&str> {
        self.words.languages()
    }
}

impl CentreKind {
    pub const ALL: [Self; 3] = [Self::Factory, Self::Antenna, Self::CompetenceCentre];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Antenna => "antenna",
            Self::CompetenceCentre => "competence_centre",
        }
    }
}

/// Whether it is among the facts, and if so, whether with certainty.
pub(super) fn known<T: PartialEq>(facts: &[Sourced<Vec<T>>], wanted: &T) -> Option<bool> {
    let holding = facts.iter().filter(|it| it.value.contains(wanted));
    holding.map(Sourced::is_certain).max()
}

/// All that the facts name, certain or not.
pub(super) fn named<T: Clone + Ord>(facts: &[Sourced<Vec<T>>]) -> Vec<T> {
    let all: BTreeSet<&T> = facts.iter().flat_map(|it| &it.value).collect();
    all.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests;
