use std::fmt;
use std::str::FromStr;

use crate::{InvalidId, OrganisationId, PersonId};

/// Whose data a legal hold keeps from being erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldSubject {
    Person(PersonId),
    /// What belongs to it; the identities of its people are held by holds of their own.
    Organisation(OrganisationId),
}

impl fmt::Display for HoldSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => fmt::Display::fmt(id, f),
            Self::Organisation(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl FromStr for HoldSubject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.starts_with("org_") {
            return text.parse().map(Self::Organisation);
        }
        text.parse().map(Self::Person)
    }
}
