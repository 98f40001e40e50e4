//! Columns that mean something by themselves.

use broker_model::{FundingShare, ProjectId, UnitMillis};
use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::{Engine, ProjectIdFault, begin_in_brussels};

use super::At;
use crate::applications::find_mode;
use crate::imports::decimal::Decimal;
use crate::imports::line::ImportLine;
use crate::states::of_no_state;

pub(super) fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// One without a name goes by its call reference.
pub(super) fn project_name(raw: &ImportLine) -> &str {
    if raw.project.is_empty() {
        &raw.call_reference
    } else {
        &raw.project
    }
}

pub(super) fn check_project(raw: &ImportLine, at: &mut At<'_>) {
    if raw.project.is_empty() && raw.call_reference.is_empty() {
        let reason = "neither it nor `call_reference` says anything";
        at.add("project", reason, "a name, or its id here (`prj_…`)");
        return;
    }
    let is_id = raw.project.starts_with("prj_");
    if is_id && raw.project.parse::<ProjectId>().is_err() {
        at.add("project", "it is no id", "a name, or `prj_` and 32 digits");
    }
    at.text("project", project_name(raw));
    if !raw.call_reference.is_empty() {
        at.text("call_reference", &raw.call_reference);
    }
}

pub(super) fn share(engine: &Engine, text: &str, at: &mut At<'_>) -> Option<FundingShare> {
    let share = text.parse::<FundingShare>();
    if let Ok(share) = &share
        && let Some((reason, allowed)) = of_no_state(engine, share)
    {
        at.add("share", reason, &allowed);
    }
    if share.is_err() {
        let reason = format!("`{}` is no funding share", text.escape_debug());
        at.add(
            "share",
            reason,
            "`union`, `national:` and a country code, or `commercial`",
        );
    }
    share.ok()
}

/// One that the policy has: what is owed, and what funders add up, goes by it.
pub(super) fn mode(engine: &Engine, text: &str, at: &mut At<'_>) -> Option<String> {
    if !text.is_empty() && find_mode(engine, text).is_none() {
        let known: Vec<&str> = engine.modes().iter().map(|it| it.id.as_str()).collect();
        let reason = format!("`{}` is no access mode", text.escape_debug());
        let allowed = format!("nothing, or one of {}", known.join(", "));
        at.add("mode", reason, &allowed);
    }
    said(text)
}

/// As the grammar has it where it is an id of a European call; an id that begins like one and goes on otherwise is a
/// slip. Those of other funding lines are the line's own.
pub(super) fn call_reference(engine: &Engine, text: &str, at: &mut At<'_>) -> Option<String> {
    match engine.project_id(text) {
        Ok(parts) => return Some(parts.id),
        Err(ProjectIdFault::UnknownFamily(..)) => {}
        Err(fault) => {
            let allowed = engine.project_id_patterns().join(", ");
            at.add("call_reference", fault.to_string(), &allowed);
        }
    }
    said(text.trim())
}

pub(super) fn granted(raw: &ImportLine, at: &mut At<'_>) -> Option<UnitMillis> {
    let text = &raw.hours;
    let Ok(decimal) = text.parse::<Decimal>() else {
        let reason = format!("`{}` is no number of hours", text.escape_debug());
        let allowed = "digits, and a point before a fraction: `1500`, `0.25`";
        at.add("hours", reason, allowed);
        return None;
    };
    let granted = decimal.hours();
    if granted.is_none() {
        let reason = format!("{decimal} hours are no whole number of milliseconds");
        at.add(
            "hours",
            reason,
            "3 decimals at most, or a number that is exact",
        );
    }
    // Nothing could be done with them, and a report would be owed.
    let is_too_few =
        |it: &UnitMillis| *it > UnitMillis::ZERO && it.to_string() == UnitMillis::ZERO.to_string();
    if granted.as_ref().is_some_and(is_too_few) {
        let unit = raw.unit.escape_debug();
        let reason = format!("{decimal} {unit}s are {} of them", UnitMillis::ZERO);
        at.add("hours", reason, "0.0001 and more");
    }
    granted
}

/// Aid is given by states.
pub(super) fn worth(text: &str, share: Option<&FundingShare>, at: &mut At<'_>) -> Option<u32> {
    let said = said(text)?;
    let worth = said.parse::<u32>().ok();
    if worth.is_none() || !said.bytes().all(|b| b.is_ascii_digit()) {
        let reason = format!("`{}` is no number of EUR", said.escape_debug());
        at.add("worth_eur", reason, "whole EUR, as `12000`, or nothing");
    } else if share.is_some_and(|it| !matches!(it, FundingShare::National(_))) {
        let reason = "says what aid it is, and the hours are no state's";
        at.add("worth_eur", reason, "nothing, or a `national:` share");
    }
    worth
}

pub(super) fn term(raw: &ImportLine, at: &mut At<'_>) -> Option<(Timestamp, Timestamp)> {
    let from = moment(&raw.valid_from, begin_in_brussels);
    let until = moment(&raw.valid_to, |day| begin_in_brussels(day.tomorrow().ok()?));
    for (column, text, found) in [
        ("valid_from", &raw.valid_from, from),
        ("valid_to", &raw.valid_to, until),
    ] {
        if found.is_none() {
            let reason = format!("`{}` is no day", text.escape_debug());
            let allowed = "a day, as `2026-12-01` (in Brussels, the last one included), or an instant, as \
                           `2026-12-01T00:00:00Z`";
            at.add(column, reason, allowed);
        }
    }
    let (from, until) = from.zip(until)?;
    if until <= from {
        let reason = format!("it ends at {until}, and begins at {from}");
        at.add("valid_to", reason, "a day not before `valid_from`");
        return None;
    }
    Some((from, until))
}

fn moment(text: &str, of_day: impl Fn(Date) -> Option<Timestamp>) -> Option<Timestamp> {
    // A day would be read from an instant, too.
    if text.contains('T') {
        return text.parse().ok();
    }
    text.parse().ok().and_then(of_day)
}

pub(super) fn suspended(text: &str, at: &mut At<'_>) -> Option<bool> {
    match text {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        _ => {
            let reason = format!("`{}` is neither", text.escape_debug());
            at.add("suspended", reason, "`yes`, `no`, or nothing: as it is");
            None
        }
    }
}
