//! What is owed after an allocation, until when, and what became of it.

mod drafts;
mod state;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

pub use drafts::{FulfilmentDraft, ReopeningDraft, WaiverDraft};
pub use state::{FollowUpReopened, FollowUpState};

use crate::{
    AllocationId, Desk, Dossier, FollowUpId, FundingShare, OrganisationId, PersonId, ProjectId,
};

/// A duty of an access mode, on one allocation that was given by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    pub id: FollowUpId,
    pub organisation: OrganisationId,
    pub project: ProjectId,
    pub allocation: AllocationId,
    /// Whose hours they were: an auditor of one share sees no other.
    pub share: FundingShare,
    /// The access mode whose duty it is; empty where nobody knows by which mode the hours were given.
    pub mode: String,
    /// By the id it has in `policies/tables/follow_ups.toml`: `final_report`.
    pub kind: String,
    /// The last day, in Brussels. None where the mode names none: it is owed, and never overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// The begin of the day of the next reminder; none after the last, and while nothing is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// So many days before the last one somebody is reminded, the earliest first, as the policy had it when its last day
    /// was set.
    #[serde(default = "reminded_before")]
    pub remind_before: Vec<u8>,
    /// Those that were given, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<FollowUpReminder>,
    pub state: FollowUpState,
    /// What it was before somebody reopened it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<FollowUpState>,
    #[serde(skip)]
    pub version: i64,
}

/// That something is due was told, of the last day it had then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUpReminder {
    pub due_on: Date,
    pub days_before: u8,
    pub at: Timestamp,
}

impl FollowUp {
    /// Owed still: nothing was handed in or waived, or what was handed in came before the hours began.
    pub const fn is_open(&self) -> bool {
        !self.state.settles()
    }

    /// Owed because nobody knows by which mode the hours were given: that they ask for it was read nowhere, so it
    /// stands in nobody's way.
    pub const fn is_by_default(&self) -> bool {
        self.mode.is_empty()
    }

    /// Owed, and its last day is over.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.is_open() && self.due_on.is_some_and(|day| day < today)
    }

    /// Somebody was told that it is due, and it is owed still.
    pub fn is_pressing(&self) -> bool {
        self.is_open() && self.least_told().is_some()
    }

    /// The day of the next reminder; `None` after the last, and while nothing is owed.
    pub fn next_reminder(&self) -> Option<Date> {
        self.to_come().next().map(|(_, day)| day)
    }

    /// How many days before the last one it is to be told of today. Of several that nobody gave in time,
    /// the latest speaks for all.
    pub fn reminder_on(&self, today: Date) -> Option<u8> {
        let come = self.to_come().take_while(|(_, day)| *day <= today);
        come.last().map(|(days, _)| days)
    }

    /// With a reminder given, so that it is not given again for this last day.
    #[must_use]
    pub fn reminded(mut self, days_before: u8, at: Timestamp) -> Self {
        if let Some(due_on) = self.due_on {
            self.reminders.push(FollowUpReminder {
                due_on,
                days_before,
                at,
            });
        }
        self
    }

    /// In another state; one that was settled, or reopened before, stays to be read.
    #[must_use]
    pub fn turned(mut self, state: FollowUpState) -> Self {
        let before = std::mem::replace(&mut self.state, state);
        if !matches!(before, FollowUpState::Open { reopened: None }) {
            self.earlier.push(before);
        }
        self
    }

    fn to_come(&self) -> impl Iterator<Item = (u8, Date)> {
        let due_on = self.due_on.filter(|_| self.is_open());
        let told = self.least_told();
        let left = self.remind_before.iter().copied();
        let left = left.filter(move |days| told.is_none_or(|told| *days < told));
        due_on
            .into_iter()
            .flat_map(move |due| left.clone().map(move |it| (it, before(due, it))))
    }

    fn least_told(&self) -> Option<u8> {
        let of_this = self
            .reminders
            .iter()
            .filter(|it| Some(it.due_on) == self.due_on);
        of_this.map(|it| it.days_before).min()
    }
}

/// Those of rows from before they were kept with each.
fn reminded_before() -> Vec<u8> {
    vec![30, 7, 0]
}

fn before(day: Date, days: u8) -> Date {
    day.saturating_sub(i64::from(days).days())
}

impl Dossier for FollowUp {
    const KIND: &'static str = "follow_up";
    type Id = FollowUpId;

    fn id(&self) -> FollowUpId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// With the reviewers from its last day on: nobody else is told of it any more.
    fn desk(&self) -> Option<Desk> {
        let is_last_day = self.due_on.is_some() && self.next_reminder().is_none();
        (self.is_open() && is_last_day).then_some(Desk::Reviewers)
    }

    /// When somebody is to be reminded, not when it is due: the broker finds by it what it has to do.
    fn due_at(&self) -> Option<Timestamp> {
        self.remind_at
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}
