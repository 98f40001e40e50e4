//! The size of an enterprise by Recommendation 2003/361/EC, from what it declares.
//!
//! Whole numbers only. The figures of a group are added up exactly; where a part remains, persons
//! are rounded down and money up. The ceilings are whole and persons must lie below theirs, so the
//! rounded figures are in a class exactly when the true ones are.

mod answer;
#[cfg(test)]
mod cases;
mod check;
mod found;
mod group;
mod shares;
mod status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::answer::{PeriodFound, SizeFault, SizeFound, SizeReason};
use crate::engine::Engine;

/// What an enterprise declares about its size.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SizeFacts {
    /// Where it is known: with it one closed period suffices if it is the first of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founded_on: Option<Date>,
    /// More than half is held, either way, or a dominant influence: they count whole.
    #[serde(default)]
    pub linked: Vec<LinkedEnterprise>,
    /// A quarter to a half is held, either way: they count by that share. An investor of the
    /// exceptions of Annex, Art. 3(2) is no partner and is not listed.
    #[serde(default)]
    pub partners: Vec<Stake>,
    /// Closed periods in any order, or one estimate where none is closed.
    pub periods: Vec<AccountingPeriod>,
    /// An exception of `tables/size_classes.toml` by which the public share shall not exclude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_exception: Option<String>,
    /// What public bodies hold, in hundredths of a percent: 2 500 is a quarter.
    #[serde(default)]
    pub public_percent_hundredths: u32,
}

/// One accounting period of the enterprise alone, or of its consolidated accounts.
///
/// The figures are for twelve months, however long the period was (Annex, Art. 4(1)).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct AccountingPeriod {
    /// Annual work units (Annex, Art. 5) in hundredths, as accounts round them: 24 950 is 249.5.
    pub awu_hundredths: u64,
    pub balance_eur: u64,
    /// Nothing is closed yet and these are made in good faith (Annex, Art. 4(3)).
    #[serde(default)]
    pub estimated: bool,
    /// None: twelve months before the last day, or the day of founding if that is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Date>,
    pub last_day: Date,
    /// Without VAT and other indirect taxes.
    pub turnover_eur: u64,
}

/// A partner, with those linked to it in its figures (Annex, Art. 6(3)).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Stake {
    pub name: String,
    /// The larger of the shares in capital and votes, in hundredths of a percent: 3 333 is a third.
    pub percent_hundredths: u32,
    /// One for each period of the enterprise.
    pub periods: Vec<PeriodFigures>,
}

/// A linked enterprise that is not in the consolidated accounts, its own partners counted in by their share.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LinkedEnterprise {
    /// What registers call it, by kind: `vat`, `pic`, `euid`, `lei`. No size hangs on it; by these it is found among
    /// those that are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identifiers: BTreeMap<String, String>,
    pub name: String,
    /// One for each period of the enterprise.
    pub periods: Vec<PeriodFigures>,
}

/// What another enterprise adds to a period.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PeriodFigures {
    pub awu_hundredths: u64,
    pub balance_eur: u64,
    /// That of the period it is added to; its own accounts may close on another day.
    pub last_day: Date,
    pub turnover_eur: u64,
}

/// The words are those of [`crate::OrganisationFacts::size`]; the order is that of size.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum SizeClass {
    Micro,
    Small,
    Medium,
    Large,
    /// It needs a further fact or a person; the reasons say which.
    Unclear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) awu_hundredths: u64,
    pub(crate) turnover_eur: u64,
    pub(crate) balance_eur: u64,
}

impl Engine {
    /// The size on a day, with every reason; or the first thing in the facts that cannot be.
    pub fn size(&self, facts: &SizeFacts, on: Date) -> Result<SizeFound, SizeFault> {
        let table = &self.tables().size_classes;
        let periods = check::check(facts, table, on)?;
        Ok(found::find(facts, table, &periods))
    }
}

impl SizeClass {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Unclear => "unclear",
        }
    }
}

impl fmt::Display for SizeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&AccountingPeriod> for Figures {
    fn from(period: &AccountingPeriod) -> Self {
        Self {
            awu_hundredths: period.awu_hundredths,
            turnover_eur: period.turnover_eur,
            balance_eur: period.balance_eur,
        }
    }
}

impl From<&PeriodFigures> for Figures {
    fn from(period: &PeriodFigures) -> Self {
        Self {
            awu_hundredths: period.awu_hundredths,
            turnover_eur: period.turnover_eur,
            balance_eur: period.balance_eur,
        }
    }
}
