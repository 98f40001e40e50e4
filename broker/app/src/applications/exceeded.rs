//! What a grant may not exceed: what was asked for, and what its mode gives. Whoever needs more applies for more.

use broker_model::{Application, GrantDraft, GrantScope, UnitMillis};
use jiff::ToSpan as _;
use jiff::civil::Date;
use policy_engine::AccessMode;

use super::find_mode;
use crate::Broker;
use crate::invalid::Faults;
use crate::shares::gpu_bought;

impl Broker {
    pub(super) fn check_no_more(
        &self,
        (application, grant): (&Application, &GrantDraft),
        unit: Option<&str>,
        faults: &mut Faults,
    ) {
        let engine = self.policy();
        let mode = find_mode(&engine, &application.mode);
        check_term(application, (grant, mode), faults);
        let Some(unit) = unit else { return };
        // Where nobody can say what an hour of the unit is in GPU-hours there is nothing to compare.
        let hour = UnitMillis::from_hours(1);
        let gpu = match grant.scope {
            GrantScope::Federation => Some(i128::from(hour.0)),
            GrantScope::System => {
                self.system_at(&application.system, |it| gpu_bought(it, unit, hour))
            }
        };
        if let Some(gpu) = gpu.filter(|it| *it > 0) {
            check_hours(application, (grant, mode), (unit, gpu), faults);
        }
    }
}

/// `gpu` is what an hour of the unit is, in GPU-milliseconds.
fn check_hours(
    application: &Application,
    (grant, mode): (&GrantDraft, Option<&AccessMode>),
    (unit, gpu): (&str, i128),
    faults: &mut Faults,
) {
    let asked = u64::from(application.need.gpu_hours);
    let most = mode.and_then(|it| it.gpu_hours.as_ref()?.value.most);
    let (most, why) = match most {
        Some(most) if most < asked => (most, format!("{} gives {most} at most", application.mode)),
        _ => (asked, format!("{asked} were asked for")),
    };
    // An hour of the unit that was begun is one, else who asked for less than one could be given none.
    let asked_millis = i128::from(most) * i128::from(UnitMillis::PER_HOUR);
    let allowed = (asked_millis + gpu - 1) / gpu;
    if i128::from(grant.hours) <= allowed {
        return;
    }
    let gives = i128::from(grant.hours) * gpu / i128::from(UnitMillis::PER_HOUR);
    let reason = format!(
        "{} in {unit}s are up to {gives} GPU-hours, and {why}",
        grant.hours
    );
    faults.add("grant.hours", reason, &format!("1 to {allowed}"));
}

fn check_term(
    application: &Application,
    (grant, mode): (&GrantDraft, Option<&AccessMode>),
    faults: &mut Faults,
) {
    let asked = application.need.months;
    let most = mode.and_then(|it| it.durations_months.as_ref()?.value.iter().max().copied());
    let (months, why) = match most {
        Some(most) if most < asked => (most, format!("{} gives {most} at most", application.mode)),
        _ => (asked, format!("{asked} were asked for")),
    };
    if let Some(last) = last_day(grant.valid_from, months)
        && grant.valid_to > last
    {
        let reason = format!(
            "{} is later than {months} months allow, and {why}",
            grant.valid_to
        );
        let allowed = format!("a day from {} to {last}", grant.valid_from);
        faults.add("grant.valid_to", reason, &allowed);
    }
}

/// Of so many months: the day before the same day of the month, or the last of a month that has no such day.
fn last_day(first: Date, months: u32) -> Option<Date> {
    let after = first.checked_add(i64::from(months).months()).ok()?;
    if after.day() == first.day() {
        after.yesterday().ok()
    } else {
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_months_end_on_the_day_before_the_same_day() {
        for (first, months, last) in [
            ("2026-11-23", 3, "2027-02-22"),
            ("2026-11-01", 1, "2026-11-30"),
            ("2026-11-30", 3, "2027-02-28"),
            ("2026-12-31", 12, "2027-12-30"),
        ] {
            let found = last_day(first.parse().unwrap(), months);
            assert_eq!(found.unwrap().to_string(), last, "{first}");
        }
    }
}
