//! Shares and the figures that go with them.

use jiff::civil::Date;

use super::{PeriodFigures, SizeFacts, SizeFault};
use crate::tables::SizeClasses;

/// All of it, in hundredths of a percent.
pub(super) const WHOLE: u32 = 10_000;

pub(super) fn check_public(facts: &SizeFacts, table: &SizeClasses) -> Result<(), SizeFault> {
    let percent = facts.public_percent_hundredths;
    if percent > WHOLE {
        let reason = format!("{} percent is more than the whole", in_percent(percent));
        return Err(SizeFault::new(
            "public_percent_hundredths",
            reason,
            "0 to 10000",
        ));
    }
    let Some(declared) = &facts.public_exception else {
        return Ok(());
    };
    let ids = || table.exceptions.iter().map(|row| row.id.as_str());
    if ids().any(|id| id == declared) {
        return Ok(());
    }
    let allowed = ids().collect::<Vec<_>>().join(", ");
    let reason = format!("`{declared}` is no exception");
    Err(SizeFault::new("public_exception", reason, &allowed))
}

pub(super) fn check_group(facts: &SizeFacts, table: &SizeClasses) -> Result<(), SizeFault> {
    for (place, partner) in facts.partners.iter().enumerate() {
        check_share(place, partner.percent_hundredths, table)?;
        check_figures(
            facts,
            &format!("partners[{place}].periods"),
            &partner.periods,
        )?;
    }
    for (place, linked) in facts.linked.iter().enumerate() {
        check_figures(facts, &format!("linked[{place}].periods"), &linked.periods)?;
    }
    Ok(())
}

fn check_share(place: usize, percent: u32, table: &SizeClasses) -> Result<(), SizeFault> {
    let most = table.linked_above_percent.value;
    let reason = if percent == 0 {
        "no share is held".to_owned()
    } else if percent > WHOLE {
        format!("{} percent is more than the whole", in_percent(percent))
    } else if percent > most.saturating_mul(100) {
        format!("above {most} percent an enterprise is linked and no partner: list it in `linked`")
    } else {
        return Ok(());
    };
    let field = format!("partners[{place}].percent_hundredths");
    let allowed = format!("1 to {}", most.saturating_mul(100));
    Err(SizeFault::new(&field, reason, &allowed))
}

/// One row for each period of the enterprise, and no other.
fn check_figures(facts: &SizeFacts, field: &str, rows: &[PeriodFigures]) -> Result<(), SizeFault> {
    let days = || facts.periods.iter().map(|period| period.last_day);
    let count = |day: Date| rows.iter().filter(|row| row.last_day == day).count();
    let foreign = rows
        .iter()
        .find(|row| !days().any(|day| day == row.last_day));
    let reason = if let Some(row) = foreign {
        format!("no period of the enterprise ends on {}", row.last_day)
    } else if let Some(day) = days().find(|day| count(*day) == 0) {
        format!("there are no figures for the period that ends on {day}")
    } else if let Some(day) = days().find(|day| count(*day) > 1) {
        format!("there are two rows for the period that ends on {day}")
    } else {
        return Ok(());
    };
    let days: Vec<_> = days().map(|day| day.to_string()).collect();
    let allowed = format!(
        "one row for each period of the enterprise: {}",
        days.join(", ")
    );
    Err(SizeFault::new(field, reason, &allowed))
}

/// `24.99`, or `25` where nothing remains.
pub(super) fn in_percent(hundredths: u32) -> String {
    match hundredths % 100 {
        0 => (hundredths / 100).to_string(),
        rest => format!("{}.{rest:02}", hundredths / 100),
    }
}
