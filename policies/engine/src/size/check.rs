//! Periods that cannot be are refused before anything is counted.

use jiff::Span;
use jiff::civil::Date;

use super::shares::{check_group, check_public};
use super::{AccountingPeriod, SizeFacts, SizeFault};
use crate::tables::SizeClasses;

/// The size hangs on the last few; what is longer is no declaration, and is computed again at every decision.
const MOST_PERIODS: usize = 10;
const MOST_ENTERPRISES: usize = 200;
const LONGEST_NAME: usize = 200;

/// A period whose first day is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period<'a> {
    pub(super) given: &'a AccountingPeriod,
    pub(super) first_day: Date,
    /// The place in the facts.
    place: usize,
}

impl Period<'_> {
    pub(super) fn last_day(&self) -> Date {
        self.given.last_day
    }
}

/// The periods from the last to the first, one following the other.
pub(super) fn check<'a>(
    facts: &'a SizeFacts,
    table: &SizeClasses,
    on: Date,
) -> Result<Vec<Period<'a>>, SizeFault> {
    check_extent(facts)?;
    check_public(facts, table)?;
    check_founding(facts, on)?;
    if facts.periods.is_empty() {
        let allowed = "the last two closed periods, or one estimate where none is closed";
        return Err(SizeFault::new("periods", "there is none".into(), allowed));
    }
    let mut periods = Vec::with_capacity(facts.periods.len());
    for (place, given) in facts.periods.iter().enumerate() {
        periods.push(period(facts, place, given, on)?);
    }
    periods.sort_by_key(|period| std::cmp::Reverse(period.last_day()));
    check_estimate(&periods, table)?;
    check_sequence(&periods)?;
    check_age(&periods, table, on)?;
    check_group(facts, table)?;
    Ok(periods)
}

/// Before anything is compared with anything.
fn check_extent(facts: &SizeFacts) -> Result<(), SizeFault> {
    for (field, count, most) in [
        ("periods", facts.periods.len(), MOST_PERIODS),
        ("partners", facts.partners.len(), MOST_ENTERPRISES),
        ("linked", facts.linked.len(), MOST_ENTERPRISES),
    ] {
        if count > most {
            let (reason, allowed) = (format!("there are {count}"), format!("up to {most}"));
            return Err(SizeFault::new(field, reason, &allowed));
        }
    }
    let partners = facts.partners.iter().map(|it| ("partners", &it.name));
    let linked = facts.linked.iter().map(|it| ("linked", &it.name));
    for (place, (list, name)) in partners.enumerate().chain(linked.enumerate()) {
        let length = name.chars().count();
        if length > LONGEST_NAME {
            let field = format!("{list}[{place}].name");
            let reason = format!("has {length} characters");
            let allowed = format!("up to {LONGEST_NAME}");
            return Err(SizeFault::new(&field, reason, &allowed));
        }
    }
    Ok(())
}

fn check_founding(facts: &SizeFacts, on: Date) -> Result<(), SizeFault> {
    match facts.founded_on {
        Some(day) if day > on => Err(SizeFault::new(
            "founded_on",
            format!("{day} is after {on}"),
            &format!("a day up to {on}"),
        )),
        _ => Ok(()),
    }
}

fn period<'a>(
    facts: &SizeFacts,
    place: usize,
    given: &'a AccountingPeriod,
    on: Date,
) -> Result<Period<'a>, SizeFault> {
    let last_day = given.last_day;
    let fault = |field: &str, reason, allowed: &str| {
        Err(SizeFault::new(
            &format!("periods[{place}].{field}"),
            reason,
            allowed,
        ))
    };
    if last_day > on && !given.estimated {
        let allowed = format!("a day up to {on}; a period that still runs only as an estimate");
        return fault("last_day", format!("{last_day} is after {on}"), &allowed);
    }
    if let Some(day) = facts.founded_on.filter(|day| last_day < *day) {
        let reason = format!("{last_day} is before the day of founding, {day}");
        return fault("last_day", reason, "a day after the founding");
    }
    let Some(first_day) = given
        .first_day
        .or_else(|| presumed_first_day(facts, last_day))
    else {
        let reason = format!("{last_day} lies at the end of the calendar");
        return fault("last_day", reason, "a day with a year before it");
    };
    if first_day > last_day {
        let reason = format!("{first_day} is after the last day, {last_day}");
        return fault("first_day", reason, "a day up to the last day");
    }
    if first_day > on {
        let reason = format!("{first_day} is after {on}: the period has not begun");
        return fault("first_day", reason, &format!("a day up to {on}"));
    }
    Ok(Period {
        given,
        first_day,
        place,
    })
}

/// Counted from the day after the last, so that a year ends with February in a leap year as well.
fn presumed_first_day(facts: &SizeFacts, last_day: Date) -> Option<Date> {
    let next = last_day.tomorrow().ok()?;
    let year_before = next.checked_sub(Span::new().years(1)).ok()?;
    Some(
        facts
            .founded_on
            .map_or(year_before, |day| day.max(year_before)),
    )
}

fn check_estimate(periods: &[Period<'_>], table: &SizeClasses) -> Result<(), SizeFault> {
    let Some(estimated) = periods.iter().find(|period| period.given.estimated) else {
        return Ok(());
    };
    let reason = if !table.estimate_allowed.value {
        "an estimate does not count"
    } else if periods.len() > 1 {
        "an estimate counts only where no accounts are closed"
    } else {
        return Ok(());
    };
    let field = format!("periods[{}].estimated", estimated.place);
    let allowed = "closed periods alone, or one estimate alone";
    Err(SizeFault::new(&field, reason.into(), allowed))
}

fn check_sequence(periods: &[Period<'_>]) -> Result<(), SizeFault> {
    for (later, earlier) in periods.iter().zip(periods.iter().skip(1)) {
        let (first, before) = (later.first_day, earlier.last_day());
        let reason = if first <= before {
            format!(
                "the period begins on {first}, but the one before ends on {before}: they overlap"
            )
        } else if before.tomorrow().is_ok_and(|next| next < first) {
            format!(
                "the period begins on {first}, and the one before ends on {before}: there is a gap"
            )
        } else {
            continue;
        };
        let field = format!("periods[{}].first_day", later.place);
        return Err(SizeFault::new(
            &field,
            reason,
            "the day after the period before",
        ));
    }
    Ok(())
}

fn check_age(periods: &[Period<'_>], table: &SizeClasses, on: Date) -> Result<(), SizeFault> {
    let years = table.latest_within_years.value;
    let oldest = Span::new().try_years(years).ok();
    let oldest = oldest.and_then(|span| on.checked_sub(span).ok());
    let Some(latest) = periods.first() else {
        return Ok(());
    };
    match oldest {
        Some(oldest) if latest.last_day() < oldest => Err(SizeFault::new(
            "periods",
            format!(
                "the latest period ended on {}, more than {years} years before {on}",
                latest.last_day()
            ),
            &format!("a latest period that ended on {oldest} or later"),
        )),
        _ => Ok(()),
    }
}
