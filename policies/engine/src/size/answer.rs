use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::SizeClass;

/// The size, and why.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SizeFound {
    pub class: SizeClass,
    /// Every class it can be, from the smallest: where all are below `large` it is an SME all the same.
    pub possible: Vec<SizeClass>,
    pub reasons: Vec<SizeReason>,
    /// From the last to the first.
    pub periods: Vec<PeriodFound>,
}

/// One sentence of the answer, with the act it stands on.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SizeReason {
    pub words: String,
    pub source: String,
}

/// A period with the group added, and the class it would have by itself.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PeriodFound {
    pub first_day: Date,
    pub last_day: Date,
    /// Rounded down where a share leaves something over.
    pub awu_hundredths: u64,
    /// Rounded up, as the balance is.
    pub turnover_eur: u64,
    pub balance_eur: u64,
    pub class: SizeClass,
    pub estimated: bool,
}

/// A fact that cannot be: which, why, and what may stand there.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SizeFault {
    /// As a path: `partners[0].percent_hundredths`.
    pub field: String,
    pub reason: String,
    pub allowed: String,
}

impl SizeReason {
    pub(super) fn new(words: String, source: &str) -> Self {
        Self {
            words,
            source: source.to_owned(),
        }
    }
}

impl SizeFault {
    pub(super) fn new(field: &str, reason: String, allowed: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason,
            allowed: allowed.to_owned(),
        }
    }
}

impl fmt::Display for SizeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            reason,
            allowed,
        } = self;
        write!(f, "`{field}`: {reason}; allowed: {allowed}")
    }
}

impl std::error::Error for SizeFault {}
