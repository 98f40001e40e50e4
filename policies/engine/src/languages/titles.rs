use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Catalogue;
use crate::tables::{Named, Tables};

/// What has a name that people read.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum TitleKind {
    /// Areas of Annex III of the AI Act.
    AiArea,
    /// What an applicant may say under Art. 2 of the AI Act.
    AiExclusion,
    /// Practices of Art. 5 of the AI Act.
    AiPractice,
    ApplicantKind,
    /// REFEDS IAP, as questions carry it.
    Assurance,
    Cost,
    /// ISO 3166-1 alpha-2.
    Country,
    /// What is asked for with an application.
    Document,
    /// What whoever got hours owes.
    Duty,
    EvidenceKind,
    /// Its titles stand in its own file.
    Mode,
    OfferState,
    /// What a project names as its field; the list itself is none of the policy.
    Sector,
    Selection,
    /// What hours are counted in, several of them; one that a site alone has may have no title.
    Unit,
}

/// The ids that a catalogue may name. Another one is a slip of the pen, or what the policy no longer has.
pub(super) struct Known<'a> {
    tables: &'a Tables,
    documents: BTreeSet<&'a str>,
    duties: BTreeSet<&'a str>,
    sectors: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    pub(super) fn of(tables: &'a Tables, english: Option<&'a Catalogue>) -> Self {
        let declared = |kind| english.into_iter().flat_map(move |it| it.ids(kind));
        let modes = || tables.modes.iter();
        let documents = modes().flat_map(|mode| mode.documents.iter().map(|it| it.value.as_str()));
        let duties = modes().flat_map(|mode| mode.duties.iter().map(|it| it.value.kind.as_str()));
        Self {
            tables,
            documents: documents.chain(declared(TitleKind::Document)).collect(),
            duties: duties.chain(declared(TitleKind::Duty)).collect(),
            sectors: declared(TitleKind::Sector).collect(),
        }
    }

    /// `is_english` because the English catalogue may declare documents and duties that no mode asks for today.
    pub(super) fn has(&self, kind: TitleKind, id: &str, is_english: bool) -> bool {
        match kind {
            TitleKind::Document => is_english || self.documents.contains(id),
            TitleKind::Duty => is_english || self.duties.contains(id),
            TitleKind::Sector => is_english || self.sectors.contains(id),
            TitleKind::Mode => false,
            other => other.ids_in(self.tables).contains(&id),
        }
    }
}

impl TitleKind {
    /// All there are, but for what modes name.
    pub(super) fn ids_in(self, tables: &Tables) -> Vec<&str> {
        match self {
            Self::AiArea | Self::AiExclusion | Self::AiPractice => { tables.named(self).iter() }
                .map(|row| row.id.as_str())
                .collect(),
            Self::ApplicantKind => vec![
                "startup",
                "sme",
                "industry",
                "research",
                "public_sector",
                "industry_in_eu_project",
            ],
            Self::Assurance => vec!["none", "low", "medium", "high"],
            Self::Cost => vec!["free", "pay_per_use", "unclear", "not_served"],
            Self::Country => { tables.countries.all().iter() }
                .map(|country| country.code.as_str())
                .collect(),
            Self::EvidenceKind => { tables.evidence_kinds.all().iter() }
                .map(|kind| kind.id.as_str())
                .collect(),
            Self::OfferState => vec!["open", "closed"],
            Self::Selection => vec!["first_come_first_served", "technical_review", "peer_review"],
            Self::Unit => vec!["GPU-hour", "node-hour", "core-hour", "unit-hour"],
            Self::Document | Self::Duty | Self::Mode | Self::Sector => Vec::new(),
        }
    }
}

impl Tables {
    fn named(&self, kind: TitleKind) -> &[Named] {
        match kind {
            TitleKind::AiArea => &self.ai_act.areas,
            TitleKind::AiExclusion => &self.ai_act.exclusions,
            TitleKind::AiPractice => &self.ai_act.practices,
            _ => &[],
        }
    }

    /// The name that a table gives it: in English, and of modes in the languages of their files.
    pub(super) fn own_title(&self, kind: TitleKind, id: &str, language: &str) -> Option<&str> {
        match kind {
            TitleKind::Country => Some(self.countries.find(id)?.name.as_str()),
            TitleKind::EvidenceKind => {
                let mut kinds = self.evidence_kinds.all().iter();
                kinds.find(|it| it.id == id).map(|it| it.title.as_str())
            }
            TitleKind::Mode => {
                let title = &self.modes.iter().find(|it| it.id == id)?.title;
                title
                    .get(language)
                    .or_else(|| title.get("en"))
                    .map(String::as_str)
            }
            other => {
                let found = self.named(other).iter().find(|row| row.id == id);
                found.map(|row| row.title.as_str())
            }
        }
    }
}

#[cfg(test)]
pub(super) const ALL: [TitleKind; 15] = [
    TitleKind::AiArea,
    TitleKind::AiExclusion,
    TitleKind::AiPractice,
    TitleKind::ApplicantKind,
    TitleKind::Assurance,
    TitleKind::Cost,
    TitleKind::Country,
    TitleKind::Document,
    TitleKind::Duty,
    TitleKind::EvidenceKind,
    TitleKind::Mode,
    TitleKind::OfferState,
    TitleKind::Sector,
    TitleKind::Selection,
    TitleKind::Unit,
];
