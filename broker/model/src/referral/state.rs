use serde::{Deserialize, Serialize};

use crate::{CentreId, InvalidTransition};

/// Where a referral stands at one centre; `states.md` has the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReferralState {
    Sent,
    /// The centre saw it.
    Acknowledged,
    /// The centre helps.
    Accepted,
    Declined {
        reason: String,
    },
    HandedOver {
        to: CentreId,
        reason: String,
    },
    Closed {
        outcome: ReferralOutcome,
        words: String,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferralOutcome {
    Helped,
    NotHelped,
    LedToApplication,
    LedToFunding,
    /// The organisation was not to be reached.
    NoAnswer,
    /// The organisation took it back.
    Withdrawn,
}

/// What can happen to a referral.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferralEvent {
    Acknowledge,
    Accept,
    Decline {
        reason: String,
    },
    HandOver {
        to: CentreId,
        reason: String,
    },
    Close {
        outcome: ReferralOutcome,
        words: String,
    },
    /// By the organisation.
    Withdraw {
        words: String,
    },
}

impl ReferralState {
    /// Applies an event; seen and accepted, said again, leave the state as it is.
    pub fn apply(self, event: ReferralEvent) -> Result<Self, InvalidTransition> {
        use ReferralState::{Accepted, Acknowledged, Closed, Declined, HandedOver, Sent};
        match (self, event) {
            (Sent | Acknowledged, ReferralEvent::Acknowledge) => Ok(Acknowledged),
            (Sent | Acknowledged | Accepted, ReferralEvent::Accept) => Ok(Accepted),
            (Sent | Acknowledged, ReferralEvent::Decline { reason }) => Ok(Declined { reason }),
            (Sent | Acknowledged | Accepted, ReferralEvent::HandOver { to, reason }) => {
                Ok(HandedOver { to, reason })
            }
            (Accepted, ReferralEvent::Close { outcome, words }) => Ok(Closed { outcome, words }),
            (Sent | Acknowledged | Accepted, ReferralEvent::Withdraw { words }) => Ok(Closed {
                outcome: ReferralOutcome::Withdrawn,
                words,
            }),
            (state, event) => Err(InvalidTransition {
                from: state.as_str(),
                event: event.as_str(),
            }),
        }
    }

    /// Somebody at the centre has something to do.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Sent | Self::Acknowledged | Self::Accepted)
    }

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Accepted => "accepted",
            Self::Declined { .. } => "declined",
            Self::HandedOver { .. } => "handed_over",
            Self::Closed { .. } => "closed",
        }
    }
}

impl ReferralEvent {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledged",
            Self::Accept => "accepted",
            Self::Decline { .. } => "declined",
            Self::HandOver { .. } => "handed_over",
            Self::Close { .. } => "closed",
            Self::Withdraw { .. } => "withdrawn",
        }
    }
}

impl ReferralOutcome {
    pub const ALL: [Self; 6] = [
        Self::Helped,
        Self::NotHelped,
        Self::LedToApplication,
        Self::LedToFunding,
        Self::NoAnswer,
        Self::Withdrawn,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::NotHelped => "not_helped",
            Self::LedToApplication => "led_to_application",
            Self::LedToFunding => "led_to_funding",
            Self::NoAnswer => "no_answer",
            Self::Withdrawn => "withdrawn",
        }
    }
}
