use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::PersonId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FollowUpState {
    /// Owed. Whether it is overdue follows from the day, and is stored nowhere.
    Open {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reopened: Option<FollowUpReopened>,
    },
    Fulfilled {
        at: Timestamp,
        by: PersonId,
        /// The report, or what it says and where it is.
        words: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
        /// Of the bytes of what is handed in elsewhere, 64 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// Before the first day of the hours: it is kept to be read, and a report of them is owed still.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        early: bool,
    },
    /// By a reviewer: not owed any more.
    Waived {
        at: Timestamp,
        by: PersonId,
        reason: String,
    },
}

/// Why it is owed again, or longer; for the organisation to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUpReopened {
    pub at: Timestamp,
    pub by: PersonId,
    pub words: String,
    /// The last day until then, where it got another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_due_on: Option<Date>,
}

impl FollowUpState {
    pub const OWED: Self = Self::Open { reopened: None };

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Fulfilled { .. } => "fulfilled",
            Self::Waived { .. } => "waived",
        }
    }

    /// Whether it answers what is owed: a report on hours that nobody could have used does not.
    pub const fn settles(&self) -> bool {
        match self {
            Self::Open { .. } | Self::Fulfilled { early: true, .. } => false,
            Self::Fulfilled { .. } | Self::Waived { .. } => true,
        }
    }

    /// Since when, where somebody did something to it.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Open { reopened } => reopened.as_ref().map(|it| it.at),
            Self::Fulfilled { at, .. } | Self::Waived { at, .. } => Some(*at),
        }
    }
}
