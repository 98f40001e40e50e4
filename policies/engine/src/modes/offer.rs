use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{AccessMode, Sourced};
use crate::tables::Span;

/// One system in one period. Of several rows that hold on a day the last of the file counts.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// `site/system`: `lumi/lumi`.
    pub system: String,
    pub state: OfferState,
    /// The first day; none where it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The first day no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Why it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    Open,
    Closed,
}

impl Offer {
    fn span(&self) -> Span {
        Span {
            since: self.since.unwrap_or(Date::MIN),
            until: self.until,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.span().is_empty()
    }
}

/// Where a mode that is of all sites gives no hours.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct NotOffered {
    /// The id of the mode.
    pub mode: String,
    /// `site/system`.
    pub systems: Vec<String>,
}

impl AccessMode {
    /// Those of these systems that it gives no hours at on that day; none where it is of one site.
    pub fn not_offered_at(&self, systems: &[String], day: Date) -> Option<NotOffered> {
        let offers = self.offers_on(day);
        let is_offered = |system: &String| offers.iter().any(|it| it.value.system == *system);
        let rest = systems.iter().filter(|it| !is_offered(it)).cloned();
        let systems: Vec<String> = rest.collect();
        let mode = self.id.clone();
        (!self.is_of_one_site() && !systems.is_empty()).then_some(NotOffered { mode, systems })
    }

    /// Each system that the mode has on that day, with what holds of it then; in the order of the file.
    pub fn offers_on(&self, day: Date) -> Vec<&Sourced<Offer>> {
        let mut found: Vec<&Sourced<Offer>> = Vec::new();
        for offer in self
            .offers
            .iter()
            .filter(|it| it.value.span().holds_on(day))
        {
            let same = |it: &&mut &Sourced<Offer>| it.value.system == offer.value.system;
            match found.iter_mut().find(same) {
                Some(earlier) => *earlier = offer,
                None => found.push(offer),
            }
        }
        found
    }
}
