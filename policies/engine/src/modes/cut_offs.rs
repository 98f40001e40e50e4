use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// When applications that are in by then are looked at together. The hour is that of Brussels.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct CutOffs {
    pub at: Time,
    /// In order.
    pub days: Vec<Date>,
}

impl CutOffs {
    /// The next one, which an application at this very instant still makes; none when no further day is known.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = brussels();
        let instants = self.days.iter().filter_map(|day| {
            let local = day.to_datetime(self.at).to_zoned(zone.clone());
            local.ok().map(|it| it.timestamp())
        });
        instants.filter(|it| now <= *it).min()
    }

    /// The last day, where it is over: no further one is known.
    pub fn none_after(&self, now: Timestamp) -> Option<Date> {
        let last = self.days.iter().max().copied();
        last.filter(|_| self.next(now).is_none())
    }

    pub(crate) fn is_in_order(&self) -> bool {
        self.days.is_sorted_by(|a, b| a < b)
    }
}

/// The day in Brussels that an instant belongs to.
pub fn day_in_brussels(at: Timestamp) -> Date {
    at.to_zoned(brussels()).date()
}

/// The first instant of a day in Brussels; none at the end of time.
pub fn begin_in_brussels(day: Date) -> Option<Timestamp> {
    let midnight = day.to_zoned(brussels()).ok()?;
    Some(midnight.timestamp())
}

/// By its rule and not by name: a machine may have no time zone database. Summer time as Directive 2000/84/EC
/// has it, last Sunday of March to last Sunday of October.
#[expect(clippy::expect_used, reason = "a constant that a test reads")]
pub(crate) fn brussels() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("the rule is a POSIX time zone")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_offs() -> CutOffs {
        CutOffs {
            at: "10:00:00".parse().unwrap(),
            days: ["2026-10-30", "2026-08-31", "2026-12-11"]
                .map(|it| it.parse().unwrap())
                .to_vec(),
        }
    }

    #[test]
    fn ten_o_clock_in_brussels_is_the_last_moment_in_summer_and_in_winter() {
        let next = |now: &str| {
            cut_offs()
                .next(now.parse().unwrap())
                .map(|it| it.to_string())
        };
        assert_eq!(
            next("2026-08-31T08:00:00Z").unwrap(),
            "2026-08-31T08:00:00Z"
        );
        assert_eq!(
            next("2026-08-31T08:00:01Z").unwrap(),
            "2026-10-30T09:00:00Z"
        );
        assert_eq!(next("2026-12-11T09:00:01Z"), None);
        let none_after = |now: &str| cut_offs().none_after(now.parse().unwrap());
        assert_eq!(none_after("2026-12-11T09:00:00Z"), None);
        let last = "2026-12-11".parse().unwrap();
        assert_eq!(none_after("2026-12-11T09:00:01Z"), Some(last));
    }

    #[test]
    fn a_day_begins_in_brussels_before_it_does_in_utc() {
        let day = |at: &str| day_in_brussels(at.parse().unwrap()).to_string();
        assert_eq!(day("2026-11-22T22:59:59Z"), "2026-11-22");
        assert_eq!(day("2026-11-22T23:00:00Z"), "2026-11-23");
        assert_eq!(day("2026-07-21T22:00:00Z"), "2026-07-22");
    }
}
