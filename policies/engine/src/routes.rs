//! What somebody could have: every access mode at every system, decided one by one.

mod change;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::change::Change;
use crate::decision::{Decision, Outcome};
use crate::engine::Engine;
use crate::facts::Facts;
use crate::memo::Memo;
use crate::modes::{AccessMode, ApplicantKind, Duty, GpuHours, NotOffered, Offer, Sourced};
use crate::question::{Action, ModeFacts, Question};

/// One mode at one system, with the answer to who asked.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The id of the mode.
    pub mode: String,
    /// `site/system`, whether it is open, and how sure that is.
    pub offer: Sourced<Offer>,
    /// The first day of that state; none where it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    pub cost: Cost,
    /// The funding share that the hours are of: see [`AccessMode::share`]. The Union's are `commercial` for who pays for
    /// them: see [`Engine::is_sold`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Sourced<String>>,
    /// Physical GPU-hours of one allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_hours: Option<Sourced<GpuHours>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations_months: Option<Sourced<Vec<u32>>>,
    /// What is asked for with an application, by kind; `Engine::title` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Sourced<String>>,
    /// What whoever gets hours owes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<Sourced<Duty>>,
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
    /// The mode is not for this kind of applicant, so it costs them nothing and gives them nothing.
    NotServed,
}

impl Engine {
    /// Every route on the day of the question, by mode and then in the order of its offers. The mode that the
    /// question itself names is not looked at, nor its allocation.
    pub fn routes(&self, asked: &Question) -> Vec<Route> {
        self.routes_with(asked, |_| {})
    }

    /// The same, where something is known that differs by mode and system: `complete` adds it to each question, in
    /// which the mode stands.
    pub fn routes_with(&self, asked: &Question, complete: impl Fn(&mut Question)) -> Vec<Route> {
        let (modes, memo) = (self.modes().iter(), Memo::default());
        let all = modes.flat_map(|mode| {
            let offers = mode.offers_on(asked.on).into_iter();
            let (complete, memo) = (&complete, &memo);
            offers.map(move |offer| self.route(asked, (mode, offer), complete, memo))
        });
        all.collect()
    }

    /// What [`Self::routes`] is silent of: by mode, those of these systems that it gives no hours at on that day. No rule
    /// is asked, since nothing about an applicant would change it.
    pub fn not_offered(&self, systems: &[String], on: Date) -> Vec<NotOffered> {
        let modes = self.modes().iter();
        modes
            .filter_map(|mode| mode.not_offered_at(systems, on))
            .collect()
    }

    /// Whether a company would get hours for nothing by the mode of the question that are aid of its state, or may:
    /// the rules of de minimis speak then.
    pub fn is_aid(&self, question: &Question) -> bool {
        Facts::gather(question, self.tables()).has("aid")
    }

    fn route(
        &self,
        asked: &Question,
        (mode, offer): (&AccessMode, &Sourced<Offer>),
        complete: impl Fn(&mut Question),
        memo: &Memo,
    ) -> Route {
        let mut question = Question {
            action: Action::ApplyForAccess,
            allocation: None,
            mode: Some(ModeFacts {
                id: mode.id.clone(),
                system: offer.value.system.clone(),
            }),
            ..asked.clone()
        };
        complete(&mut question);
        let decision = self.decide_with(memo, &question);
        let changes = if decision.result == Outcome::Eligible {
            Vec::new()
        } else {
            let base = self.lay(memo, &Facts::gather(&question, self.tables()));
            self.changes(&question, mode, &decision.rules, |changed, touched| {
                self.is_eligible(memo, changed, Some((&base, touched)))
            })
        };
        Route {
            mode: mode.id.clone(),
            since: offer.value.since,
            offer: offer.clone(),
            cost: self.cost(&question, mode),
            share: self.share(&question, mode),
            gpu_hours: mode.gpu_hours.clone(),
            durations_months: mode.durations_months.clone(),
            documents: mode.documents.clone(),
            duties: mode.duties_at(&offer.value.system).cloned().collect(),
            decision,
            changes,
        }
    }

    /// What who asks pays for hours of the mode of the question; none where the question names none that there is.
    pub fn cost_of(&self, question: &Question) -> Option<Cost> {
        let asked = question.mode.as_ref()?;
        let mode = self.modes().iter().find(|it| it.id == asked.id)?;
        Some(self.cost(question, mode))
    }

    /// Whether the mode of the question gives hours of the Union's share, and who asks has to pay for them: they are
    /// commercial use then, whatever the mode calls them (Regulation (EU) 2021/1173, Art. 18). Hours of a state that are
    /// paid for stay the state's.
    pub fn is_sold(&self, question: &Question) -> bool {
        let asked = question.mode.as_ref();
        let mode = asked.and_then(|asked| self.modes().iter().find(|it| it.id == asked.id));
        mode.is_some_and(|mode| self.is_sold_by(question, mode))
    }

    fn is_sold_by(&self, question: &Question, mode: &AccessMode) -> bool {
        let is_of_union = mode.share.as_ref().is_some_and(|it| it.value == "union");
        let facts = Facts::gather(question, self.tables());
        // Who gets nothing by the mode buys nothing by it either.
        let is_served = || {
            facts
                .applicant_kinds()
                .any(|it| mode.applicants.value.contains(&it))
        };
        is_of_union && is_served() && self.cost(question, mode) == Cost::PayPerUse
    }

    /// Where the hours are sold the source is that of who gets them for nothing.
    fn share(&self, question: &Question, mode: &AccessMode) -> Option<Sourced<String>> {
        let share = mode.share.as_ref()?;
        if !self.is_sold_by(question, mode) {
            return Some(share.clone());
        }
        let free = &mode.free_for;
        Some(Sourced {
            value: "commercial".to_owned(),
            source: free.source.clone(),
            confidence: free.confidence,
            checked_on: free.checked_on,
            note: free.note.clone(),
        })
    }

    fn cost(&self, question: &Question, mode: &AccessMode) -> Cost {
        let facts = Facts::gather(question, self.tables());
        let kinds: Vec<ApplicantKind> = facts.applicant_kinds().collect();
        let served = &mode.applicants.value;
        if !kinds.is_empty() && !kinds.iter().any(|kind| served.contains(kind)) {
            return Cost::NotServed;
        }
        let free = &mode.free_for.value;
        let is_unsettled = kinds.contains(&ApplicantKind::Industry)
            && question.organisation.size == "unclear"
            && !kinds.contains(&ApplicantKind::Sme);
        // What hangs on being small: a start-up of unclear size may be a large one that says so.
        let hangs_on_size = |kind: &ApplicantKind| {
            is_unsettled && matches!(kind, ApplicantKind::Sme | ApplicantKind::Startup)
        };
        let is_startup = kinds.contains(&ApplicantKind::Startup);
        let may_be_free = free.contains(&ApplicantKind::Sme)
            || (is_startup && free.contains(&ApplicantKind::Startup));
        let mut sure = kinds.iter().filter(|kind| !hangs_on_size(kind));
        if sure.any(|kind| free.contains(kind)) {
            Cost::Free
        } else if kinds.is_empty() || (is_unsettled && may_be_free) {
            Cost::Unclear
        } else {
            Cost::PayPerUse
        }
    }
}

#[cfg(test)]
mod tests;
