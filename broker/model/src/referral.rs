//! Sending an organisation to a support centre, and what became of it.

mod attached;
mod drafts;
mod state;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use attached::{ReferralJob, ReferralLog, ReferralPlacement};
pub use drafts::{ReferralDraft, ReferralMove};
pub use state::{ReferralEvent, ReferralOutcome, ReferralState};

use crate::{
    CentreId, ContactNeed, Desk, Dossier, InvalidTransition, OrganisationId, PersonId, ProjectId,
    ReferralId,
};

/// An organisation that was sent to a centre for help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referral {
    pub id: ReferralId,
    pub organisation: OrganisationId,
    pub need: ContactNeed,
    /// What the organisation says of it.
    pub words: String,
    /// The job that failed, where it began with one; redacted when it was attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Box<ReferralJob>>,
    /// Whose job that was: its members follow the referral, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// One for each centre that had it, never empty; the last is the one that counts.
    pub legs: Vec<ReferralLeg>,
    #[serde(skip)]
    pub version: i64,
}

/// A referral at one centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralLeg {
    pub centre: CentreId,
    pub sent_at: Timestamp,
    /// Who sent it there: the organisation's person, or one of the centre before.
    pub sent_by: PersonId,
    /// By when the centre should say that it saw it.
    pub due: ReferralDue,
    pub state: ReferralState,
    /// What happened to it since it was sent, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ReferralStep>,
}

/// The last day of the clock in working days of Brussels; two, where a holiday is uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralDue {
    pub on: Date,
    pub at_latest: Date,
    /// The end of that last day: from then on it is overdue.
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferralStep {
    #[serde(flatten)]
    pub state: ReferralState,
    pub at: Timestamp,
    pub by: PersonId,
}

impl ReferralLeg {
    pub const fn sent(
        centre: CentreId,
        (sent_at, sent_by): (Timestamp, PersonId),
        due: ReferralDue,
    ) -> Self {
        Self {
            centre,
            sent_at,
            sent_by,
            due,
            state: ReferralState::Sent,
            steps: Vec::new(),
        }
    }

    /// When it came to a state, if it did.
    pub fn reached(&self, state: &str) -> Option<Timestamp> {
        let mut steps = self.steps.iter();
        steps.find(|it| it.state.as_str() == state).map(|it| it.at)
    }
}

impl Referral {
    /// Where it is now. A document without legs cannot be made here; it would be nobody's.
    pub fn leg(&self) -> Option<&ReferralLeg> {
        self.legs.last()
    }

    pub fn is_open(&self) -> bool {
        self.leg().is_some_and(|it| it.state.is_open())
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at().is_some_and(|due| due <= now)
    }

    /// Whether a centre has it or ever had it.
    pub fn was_at(&self, centre: &CentreId) -> bool {
        self.legs.iter().any(|it| it.centre == *centre)
    }

    /// Applies what somebody did to the leg that counts; what is repeated changes nothing.
    pub fn apply(
        mut self,
        event: ReferralEvent,
        (at, by): (Timestamp, PersonId),
    ) -> Result<Self, InvalidTransition> {
        let Some(leg) = self.legs.last_mut() else {
            return Ok(self);
        };
        let after = leg.state.clone().apply(event)?;
        if after != leg.state {
            leg.state = after.clone();
            leg.steps.push(ReferralStep {
                state: after,
                at,
                by,
            });
        }
        Ok(self)
    }

    /// Hands it to another centre: what happened stays, and a new leg begins with a clock of its own.
    pub fn hand_over(self, next: ReferralLeg, reason: String) -> Result<Self, InvalidTransition> {
        let to = next.centre.clone();
        let made = (next.sent_at, next.sent_by);
        let mut after = self.apply(ReferralEvent::HandOver { to, reason }, made)?;
        after.legs.push(next);
        Ok(after)
    }
}

impl Dossier for Referral {
    const KIND: &'static str = "referral";
    type Id = ReferralId;

    fn id(&self) -> ReferralId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn desk(&self) -> Option<Desk> {
        let leg = self.leg().filter(|it| it.state.is_open())?;
        Some(Desk::Centre(leg.centre.clone()))
    }

    /// While the centre has not said that it saw it.
    fn due_at(&self) -> Option<Timestamp> {
        let leg = self.leg().filter(|it| it.state == ReferralState::Sent)?;
        Some(leg.due.until)
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}

#[cfg(test)]
mod tests;
