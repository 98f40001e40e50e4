//! What somebody could have: every access mode at every system, decided one by one.

mod change;

use serde::{Deserialize, Serialize};

pub use self::change::Change;
use crate::decision::{Decision, Outcome};
use crate::engine::Engine;
use crate::facts::Facts;
use crate::modes::{AccessMode, ApplicantKind, Offer, Sourced};
use crate::question::{Action, ModeFacts, Question};

/// One mode at one system, with the answer to who asked.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The id of the mode.
    pub mode: String,
    /// `site/system`, whether it is open, and how sure that is.
    pub offer: Sourced<Offer>,
    pub cost: Cost,
    pub decision: Decision,
    /// Each of these alone makes it eligible: it was decided again with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Vec<Change>>,
}

/// What an applicant of this kind pays under a mode.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    Free,
    PayPerUse,
    /// It hangs on something that nobody has said, or that is unclear.
    Unclear,
}

impl Engine {
    /// Every route on the day of the question, by mode and then in the order of its offers. The mode that the
    /// question itself names is not looked at, nor its allocation.
    pub fn routes(&self, asked: &Question) -> Vec<Route> {
        let modes = self.modes().iter();
        let all = modes.flat_map(|mode| {
            let offers = mode.offers_on(asked.on).into_iter();
            offers.map(move |offer| self.route(asked, mode, offer))
        });
        all.collect()
    }

    fn route(&self, asked: &Question, mode: &AccessMode, offer: &Sourced<Offer>) -> Route {
        let question = Question {
            action: Action::ApplyForAccess,
            allocation: None,
            mode: Some(ModeFacts {
                id: mode.id.clone(),
                system: offer.value.system.clone(),
            }),
            ..asked.clone()
        };
        let decision = self.decide(&question);
        let changes = match decision.result {
            Outcome::Eligible => Vec::new(),
            _ => self.changes(&question, mode),
        };
        Route {
            mode: mode.id.clone(),
            offer: offer.clone(),
            cost: self.cost(&question, mode),
            decision,
            changes,
        }
    }

    fn cost(&self, question: &Question, mode: &AccessMode) -> Cost {
        let facts = Facts::gather(question, self.tables());
        let kinds: Vec<ApplicantKind> = facts.applicant_kinds().collect();
        let free = &mode.free_for.value;
        let is_company = kinds.contains(&ApplicantKind::Industry);
        let may_be_small = is_company && question.organisation.size == "unclear";
        if kinds.iter().any(|kind| free.contains(kind)) {
            Cost::Free
        } else if kinds.is_empty() || (may_be_small && free.contains(&ApplicantKind::Sme)) {
            Cost::Unclear
        } else {
            Cost::PayPerUse
        }
    }
}

#[cfg(test)]
mod tests;
