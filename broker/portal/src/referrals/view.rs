//! How a referral becomes words: in a list, and step by step.

use broker_app::ReferralView;
use broker_model::{ReferralDue, ReferralId, ReferralLeg, ReferralState};
use jiff::civil::Date;
use policy_engine::{Clock, ClockStart, Engine, day_in_brussels};

use crate::Portal;
use crate::applications::view::ClockView;
use crate::contact::names::Names;
use crate::texts::Texts;
use crate::words::Moment;

/// So far the working days between two days are counted; beyond, it is in calendar days.
const FURTHEST: u32 = 260;

/// One referral in a list.
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) services: String,
    pub(crate) organisation: String,
    pub(crate) centre: String,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    pub(crate) sent: Moment,
    pub(crate) clock: Option<ClockView>,
}

/// What happened at one centre.
pub(crate) struct LegView {
    pub(crate) centre: String,
    pub(crate) sent: Moment,
    /// By when it was to be acknowledged.
    pub(crate) due: String,
    pub(crate) steps: Vec<StepView>,
}

pub(crate) struct StepView {
    pub(crate) at: Moment,
    pub(crate) words: String,
    /// What somebody wrote with it.
    pub(crate) said: Option<String>,
}

pub(crate) fn path(id: ReferralId) -> String {
    format!("/referrals/{id}")
}

pub(crate) fn state(texts: Texts, state: &ReferralState) -> (&'static str, &'static str) {
    let (class, key) = match state {
        ReferralState::Sent => ("wait", "referral.sent"),
        ReferralState::Acknowledged => ("on", "referral.acknowledged"),
        ReferralState::Accepted => ("good", "referral.accepted"),
        ReferralState::Declined { .. } => ("bad", "referral.declined"),
        ReferralState::HandedOver { .. } => ("none", "referral.handed_over"),
        ReferralState::Closed { .. } => ("none", "referral.closed"),
    };
    (class, texts.of(key))
}

impl Portal {
    pub(crate) fn referral_row(&self, names: &Names, one: &ReferralView) -> Row {
        let leg = one.referral.leg();
        let (class, state) = leg.map_or(("none", ""), |it| state(names.texts, &it.state));
        Row {
            path: path(one.referral.id),
            services: names.services(&one.referral.need.services),
            organisation: one.organisation_name.clone(),
            centre: names.centre(&one.centre),
            class,
            state,
            sent: one.clock.sent_at.into(),
            clock: self.acknowledge_clock(names.texts, one),
        }
    }

    /// Runs until the centre says that it saw it.
    pub(crate) fn acknowledge_clock(&self, texts: Texts, one: &ReferralView) -> Option<ClockView> {
        let leg = one.referral.leg();
        let leg = leg.filter(|it| it.state == ReferralState::Sent)?;
        let today = day_in_brussels(self.broker.clock().now());
        let last = leg.due.at_latest;
        let (engine, overdue) = (self.broker.policy(), one.clock.overdue);
        let (from, to) = if overdue {
            (last, today)
        } else {
            (today, last)
        };
        let working = working_days(&engine, from, to);
        let calendar = || from.until(to).map_or(0, |it| it.get_days().unsigned_abs());
        let key = match (working, overdue) {
            (Some(_), false) => "referral.left",
            (Some(_), true) => "referral.overdue",
            (None, false) => "apply.left",
            (None, true) => "apply.overdue",
        };
        let days = working.unwrap_or_else(calendar).to_string();
        let words = by(texts, leg.due);
        // Each centre has a clock of its own; whoever waits has waited since the first.
        let words = if one.referral.legs.len() > 1 {
            let day = day_in_brussels(one.clock.first_sent_at).to_string();
            texts.with("referral.first_sent", &[("clock", &words), ("day", &day)])
        } else {
            words
        };
        Some(ClockView {
            words,
            left: texts.with(key, &[("days", &days)]),
            is_overdue: overdue,
        })
    }
}

/// How many working days of Brussels it is until a day, holidays that are uncertain not counted among them.
fn working_days(engine: &Engine, from: Date, to: Date) -> Option<u32> {
    (0..=FURTHEST).find(|count| {
        let clock = Clock {
            working_days: Some(*count),
            calendar_days: None,
            from: ClockStart::Submission,
        };
        let due = engine.due(clock, from);
        due.is_some_and(|due| due.at_latest >= to)
    })
}

fn by(texts: Texts, due: ReferralDue) -> String {
    let (on, latest) = (due.on.to_string(), due.at_latest.to_string());
    if on == latest {
        return texts.with("referral.by", &[("day", &latest)]);
    }
    texts.with("referral.by_or_latest", &[("on", &on), ("latest", &latest)])
}

impl LegView {
    pub(crate) fn new(names: &Names, leg: &ReferralLeg) -> Self {
        let steps = leg.steps.iter().map(|step| {
            let (words, said) = what(names, &step.state);
            StepView {
                at: step.at.into(),
                words,
                said: said.filter(|it| !it.is_empty()),
            }
        });
        Self {
            centre: names.centre(&leg.centre),
            sent: leg.sent_at.into(),
            due: by(names.texts, leg.due),
            steps: steps.collect(),
        }
    }
}

fn what(names: &Names, to: &ReferralState) -> (String, Option<String>) {
    let texts = names.texts;
    match to {
        ReferralState::Declined { reason } => (state(texts, to).1.to_owned(), Some(reason.clone())),
        ReferralState::HandedOver { to, reason } => {
            let centre = names.centre(to);
            let words = texts.with("referral.handed_over_to", &[("centre", &centre)]);
            (words, Some(reason.clone()))
        }
        ReferralState::Closed { outcome, words } => {
            let outcome = texts.word(outcome.as_str());
            let what = texts.with("referral.closed_with", &[("outcome", &outcome)]);
            (what, Some(words.clone()))
        }
        _ => (state(texts, to).1.to_owned(), None),
    }
}
