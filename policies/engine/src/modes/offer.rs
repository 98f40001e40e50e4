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

impl AccessMode {
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
