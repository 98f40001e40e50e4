use jiff::civil::Date;
use serde::Deserialize;

use super::{Confidence, bad_row, parse};
use crate::error::LoadError;
use crate::modes::Sourced;
use crate::size::{Figures, SizeClass};
use crate::sources::Source;

/// What Recommendation 2003/361/EC says in numbers.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct SizeClasses {
    /// From the smallest to the largest.
    #[serde(rename = "class")]
    pub(crate) classes: Vec<ClassRow>,
    pub(crate) partner_from_percent: Sourced<u32>,
    pub(crate) linked_above_percent: Sourced<u32>,
    pub(crate) consecutive_periods: Sourced<usize>,
    pub(crate) latest_within_years: Sourced<i32>,
    pub(crate) estimate_allowed: Sourced<bool>,
    pub(crate) public_from_percent: Sourced<u32>,
    #[serde(rename = "exception")]
    pub(crate) exceptions: Vec<ExceptionRow>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassRow {
    pub(crate) id: SizeClass,
    pub(crate) ceilings: Sourced<Ceilings>,
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ceilings {
    pub(crate) headcount_below: u32,
    pub(crate) turnover_up_to_eur: u64,
    pub(crate) balance_up_to_eur: u64,
}

/// A public investor that does not exclude by itself.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExceptionRow {
    pub(crate) id: String,
    /// As a sentence goes on: `a venture capital company`.
    pub(crate) words: String,
    #[serde(deserialize_with = "crate::tables::said")]
    pub(crate) source: String,
    /// An exception is for a person, sure or not.
    confidence: Confidence,
    /// A row nobody dated is refused; people read it in the file.
    checked_on: Date,
}

impl Ceilings {
    /// Persons always count; of the two sums of money one may lie above.
    pub(crate) fn hold(self, figures: Figures) -> bool {
        figures.awu_hundredths < u64::from(self.headcount_below) * 100
            && (figures.turnover_eur <= self.turnover_up_to_eur
                || figures.balance_eur <= self.balance_up_to_eur)
    }

    fn are_below(self, next: Self) -> bool {
        self.headcount_below < next.headcount_below
            && self.turnover_up_to_eur < next.turnover_up_to_eur
            && self.balance_up_to_eur < next.balance_up_to_eur
    }
}

impl SizeClasses {
    pub(crate) fn load(source: &Source) -> Result<Self, LoadError> {
        let table: Self = parse(source)?;
        let wrong = { table.wrong_class() }
            .or_else(|| table.wrong_bound())
            .or_else(|| table.wrong_exception());
        match wrong {
            Some((needle, reason)) => Err(bad_row(source, &needle, reason)),
            None => Ok(table),
        }
    }

    /// The class of one period by itself.
    pub(crate) fn class_of(&self, figures: Figures) -> SizeClass {
        let mut held = { self.classes.iter() }.filter(|row| row.ceilings.value.hold(figures));
        held.next().map_or(SizeClass::Large, |row| row.id)
    }

    fn wrong_class(&self) -> Option<(String, String)> {
        let known = [SizeClass::Micro, SizeClass::Small, SizeClass::Medium];
        if !self.classes.iter().map(|row| row.id).eq(known) {
            let reason = "the classes are micro, small and medium, in this order";
            return Some(("[[class]]".into(), reason.into()));
        }
        let pairs = self.classes.iter().zip(self.classes.iter().skip(1));
        let mut falling = pairs
            .filter(|(lower, upper)| !lower.ceilings.value.are_below(upper.ceilings.value))
            .map(|(lower, upper)| (lower.id, upper.id));
        falling.next().map(|(lower, upper)| {
            let reason = format!("each ceiling of `{upper}` lies above that of `{lower}`");
            (format!("\"{upper}\""), reason)
        })
    }

    fn wrong_bound(&self) -> Option<(String, String)> {
        let (partner, linked) = (
            self.partner_from_percent.value,
            self.linked_above_percent.value,
        );
        let bounds = [
            (
                "partner_from_percent",
                (1..=100).contains(&partner),
                "lies between 1 and 100",
            ),
            (
                "linked_above_percent",
                (partner..100).contains(&linked),
                "lies between `partner_from_percent` and 99",
            ),
            (
                "public_from_percent",
                (1..=100).contains(&self.public_from_percent.value),
                "lies between 1 and 100",
            ),
            (
                "consecutive_periods",
                (1..=5).contains(&self.consecutive_periods.value),
                "lies between 1 and 5",
            ),
            (
                "latest_within_years",
                (1..=10).contains(&self.latest_within_years.value),
                "lies between 1 and 10",
            ),
        ];
        let mut wrong = bounds.into_iter().filter(|(_, is_right, _)| !is_right);
        let (name, _, rule) = wrong.next()?;
        Some((format!("[{name}]"), format!("`{name}` {rule}")))
    }

    fn wrong_exception(&self) -> Option<(String, String)> {
        let mut twice = self.exceptions.iter().enumerate().filter(|(place, row)| {
            let mut earlier = self.exceptions.iter().take(*place);
            earlier.any(|other| other.id == row.id)
        });
        let (_, row) = twice.next()?;
        let reason = format!("exception `{}` stands twice", row.id);
        Some((format!("\"{}\"", row.id), reason))
    }
}
