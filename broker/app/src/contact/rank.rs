//! Which centre helps best with a need, and why. Pure: the same need has the same answer.

mod weigh;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use broker_model::{CentreId, ContactNeed};
use jiff::civil::Date;
use policy_engine::Sourced;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::directory::{CentreKind, Directory, SupportCentre};
use super::words::{Reason, ReasonCode, Term};
use weigh::Weighing;

/// What each reason counts for, as `ranking.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    pub(super) uncertain_percent: Sourced<u32>,
    pub(super) weights: BTreeMap<ReasonCode, Sourced<u32>>,
}

/// Every centre of the directory, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranking {
    /// The day in Brussels that it holds for.
    pub on: Date,
    pub need: ContactNeed,
    /// What holds for the order as a whole.
    pub notes: Vec<Reason>,
    /// The best first.
    pub centres: Vec<RankedCentre>,
    /// Those that cannot help with this, with why not.
    pub cannot: Vec<ExcludedCentre>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedCentre {
    /// 1 for the first.
    pub rank: usize,
    pub centre: CentreId,
    pub name: String,
    pub kind: CentreKind,
    pub country: String,
    /// The sum of the weights of its reasons.
    pub score: u32,
    pub reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// In working days.
    pub acknowledge_within: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcludedCentre {
    pub centre: CentreId,
    pub name: String,
    pub kind: CentreKind,
    pub country: String,
    pub why: Vec<Reason>,
}

impl Directory {
    /// Ranks every centre for a need, as of a day.
    ///
    /// Equal sums are drawn by digest, [`drawn`]; nothing here knows how large an organisation is.
    pub fn rank(&self, need: &ContactNeed, on: Date) -> Ranking {
        let (mut able, mut cannot) = (Vec::new(), Vec::new());
        for centre in self.centres() {
            let weighed = Weighing::of((self, centre), (need, on));
            if weighed.refusals.is_empty() {
                let score: u32 = weighed.reasons.iter().map(|it| it.weight).sum();
                able.push((
                    Reverse(score),
                    drawn(need, &centre.id),
                    centre,
                    weighed.reasons,
                ));
            } else {
                cannot.push(excluded(centre, weighed.refusals));
            }
        }
        able.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let ranked = |(at, (Reverse(score), _, centre, reasons))| RankedCentre {
            rank: at + 1,
            score,
            reasons,
            ..about(centre)
        };
        Ranking {
            on,
            need: need.clone(),
            notes: self.notes(need),
            centres: able.into_iter().enumerate().map(ranked).collect(),
            cannot,
        }
    }

    fn notes(&self, need: &ContactNeed) -> Vec<Reason> {
        let mut notes = vec![self.reason(ReasonCode::SizeNotCounted, (0, true), &[])];
        let sector = need.sector.as_deref().and_then(|it| self.sector(it));
        if let Some(sector) = sector.filter(|it| it.review) {
            let param = ("sector", Term::Sector, vec![sector.code.clone()]);
            notes.push(self.reason(ReasonCode::SectorReview, (0, true), &[param]));
        }
        notes
    }
}

fn about(centre: &SupportCentre) -> RankedCentre {
    let within = centre.acknowledge_within.as_ref();
    RankedCentre {
        rank: 0,
        centre: centre.id.clone(),
        name: centre.name.value.clone(),
        kind: centre.kind,
        country: centre.country.clone(),
        score: 0,
        reasons: Vec::new(),
        page: centre.page.as_ref().map(|it| it.value.clone()),
        acknowledge_within: within.map_or(0, |it| it.value),
    }
}

fn excluded(centre: &SupportCentre, why: Vec<Reason>) -> ExcludedCentre {
    let RankedCentre {
        centre,
        name,
        kind,
        country,
        ..
    } = about(centre);
    ExcludedCentre {
        centre,
        name,
        kind,
        country,
        why,
    }
}

/// A lot among equals: by what is asked and by the centre, so that none is always first. How large the
/// organisation is does not go in.
fn drawn(need: &ContactNeed, centre: &CentreId) -> [u8; 32] {
    let asked = (
        &need.services,
        &need.sector,
        need.data_class.as_str(),
        &need.country,
        &need.language,
        need.timing.as_str(),
    );
    Sha256::digest(format!("{asked:?} {centre}")).into()
}

#[cfg(test)]
mod tests;
