//! Ceiling by ceiling: the status changes only when a ceiling is crossed for periods in a row.
//!
//! Each ceiling is looked at by itself. Who was micro, is medium in one year and large in the next
//! has crossed two ceilings for good and the third not yet: medium.

use super::check::Period;
use super::{Figures, SizeClass, SizeFacts, SizeReason};
use crate::tables::SizeClasses;

/// What the periods say together.
pub(super) struct Status {
    /// From the smallest to the largest; one where the answer is clear, never none.
    pub(super) possible: Vec<SizeClass>,
    pub(super) reasons: Vec<SizeReason>,
}

/// `totals` stand as `periods` do: from the last to the first.
pub(super) fn status(
    facts: &SizeFacts,
    table: &SizeClasses,
    periods: &[Period<'_>],
    totals: &[Figures],
) -> Status {
    let in_a_row = table.consecutive_periods.value;
    let first_of_all = begins_with_first(facts, periods);
    let mut sides = Vec::new();
    let mut reasons = Vec::new();
    for row in &table.classes {
        let over: Vec<bool> = totals
            .iter()
            .map(|it| !row.ceilings.value.hold(*it))
            .collect();
        let side = settled(&over, in_a_row, first_of_all);
        if over.len() >= in_a_row && is_mixed(&over, in_a_row) {
            let words = said(row.id, &over, periods, side);
            reasons.push(SizeReason::new(words, &table.consecutive_periods.source));
        }
        sides.push((row.id, side));
    }
    let possible = possible(&sides);
    reasons.extend(missing(&possible, in_a_row, periods, table));
    Status { possible, reasons }
}

/// Whether nothing lies before the periods: an estimate, or accounts since the founding.
fn begins_with_first(facts: &SizeFacts, periods: &[Period<'_>]) -> bool {
    periods.last().is_some_and(|oldest| {
        let founded = facts.founded_on.is_some_and(|day| day >= oldest.first_day);
        oldest.given.estimated || founded
    })
}

/// Whether the ceiling counts as exceeded: by the latest stretch that was long enough, else by the
/// very first period, else nobody knows.
fn settled(over: &[bool], in_a_row: usize, first_of_all: bool) -> Option<bool> {
    let mut stretches = over.windows(in_a_row);
    let steady = stretches.find(|stretch| is_steady(stretch));
    let first = over.last().filter(|_| first_of_all);
    steady
        .and_then(|stretch| stretch.first())
        .or(first)
        .copied()
}

fn is_steady(stretch: &[bool]) -> bool {
    stretch.iter().all(|it| Some(it) == stretch.first())
}

fn is_mixed(over: &[bool], in_a_row: usize) -> bool {
    over.windows(in_a_row)
        .next()
        .is_some_and(|latest| !is_steady(latest))
}

fn said(class: SizeClass, over: &[bool], periods: &[Period<'_>], side: Option<bool>) -> String {
    let days = |wanted: bool| {
        let all = periods
            .iter()
            .zip(over)
            .filter(|(_, over)| **over == wanted);
        all.map(|(period, _)| period.last_day().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let before = match side {
        Some(true) => "the status of before stays: over it",
        Some(false) => "the status of before stays: within it",
        None => "the status of before stays, and it is not known",
    };
    format!(
        "over a ceiling of `{class}` in the period to {}, not in that to {}: {before}",
        days(true),
        days(false)
    )
}

/// A class is possible unless a smaller one surely holds or its own ceiling is surely exceeded.
fn possible(sides: &[(SizeClass, Option<bool>)]) -> Vec<SizeClass> {
    let mut possible = Vec::new();
    for (class, side) in sides {
        if *side != Some(true) {
            possible.push(*class);
        }
        if *side == Some(false) {
            return possible;
        }
    }
    possible.push(SizeClass::Large);
    possible
}

/// What to add where the periods do not suffice.
fn missing(
    possible: &[SizeClass],
    in_a_row: usize,
    periods: &[Period<'_>],
    table: &SizeClasses,
) -> Option<SizeReason> {
    let oldest = periods.last().filter(|_| possible.len() > 1)?;
    let first_day = oldest.first_day;
    let words = if periods.len() < in_a_row {
        format!(
            "the status needs {in_a_row} periods in a row: add the period that ended before {first_day}, or the day of \
             founding if that one was the first"
        )
    } else {
        format!(
            "no period says what the status was before: add the period that ended before {first_day}"
        )
    };
    Some(SizeReason::new(words, &table.consecutive_periods.source))
}
