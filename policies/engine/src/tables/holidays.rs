use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use super::{Confidence, bad_row, parse};
use crate::error::LoadError;
use crate::sources::Source;

/// A day on which nobody works in Brussels although it is no Saturday or Sunday.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    pub on: Date,
    pub name: String,
    #[serde(deserialize_with = "crate::tables::said")]
    pub source: String,
    pub confidence: Confidence,
    pub checked_on: Date,
}

/// The last day of a clock: to its end, in Brussels.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// With the holidays that are certain.
    pub on: Date,
    /// With the uncertain ones too.
    pub at_latest: Date,
    /// Those on the way, certain or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
}

/// Which days are working days, for the years of the table.
#[derive(Debug)]
pub(crate) struct WorkingDays {
    holidays: BTreeMap<Date, Holiday>,
    first_year: i16,
    last_year: i16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    first_year: i16,
    last_year: i16,
    holiday: Vec<Holiday>,
}

impl WorkingDays {
    pub(crate) fn load(source: &Source) -> Result<Self, LoadError> {
        let file: File = parse(source)?;
        let mut holidays = BTreeMap::new();
        for holiday in file.holiday {
            let (on, needle) = (holiday.on, format!("\"{}\"", holiday.on));
            let wrong = |reason: &str| Err(bad_row(source, &needle, format!("{on} {reason}")));
            if !(file.first_year..=file.last_year).contains(&on.year()) {
                return wrong("lies outside `first_year` and `last_year`");
            }
            if is_weekend(on) {
                return wrong("is a Saturday or a Sunday, which are no working days anyway");
            }
            if holidays.insert(on, holiday).is_some() {
                return wrong("stands twice");
            }
        }
        Ok(Self {
            holidays,
            first_year: file.first_year,
            last_year: file.last_year,
        })
    }

    /// The last of so many working days after a day, which itself does not count (Regulation (EEC, Euratom)
    /// No 1182/71, Art. 3(1)). None where the table does not reach.
    pub(crate) fn working_days_after(&self, day: Date, count: u32) -> Option<Due> {
        self.both(day, |is_free| {
            let mut left = count;
            let mut at = day;
            while left > 0 {
                at = self.next(at)?;
                left -= u32::from(!is_free(at));
            }
            Some(at)
        })
    }

    /// So many days after a day; one that would end on a free day ends with the next working day (the same,
    /// Art. 3(4)).
    pub(crate) fn calendar_days_after(&self, day: Date, count: u32) -> Option<Due> {
        self.both(day, |is_free| {
            let mut at = self.known(day.checked_add(Span::new().try_days(count).ok()?).ok()?)?;
            while is_free(at) {
                at = self.next(at)?;
            }
            Some(at)
        })
    }

    fn both(&self, from: Date, run: impl Fn(&dyn Fn(Date) -> bool) -> Option<Date>) -> Option<Due> {
        let certain = |day: Date| {
            let holiday = self.holidays.get(&day);
            is_weekend(day) || holiday.is_some_and(|it| it.confidence == Confidence::Certain)
        };
        let any = |day: Date| is_weekend(day) || self.holidays.contains_key(&day);
        let (on, at_latest) = (run(&certain)?, run(&any)?);
        let on_the_way = |day: &Date| from < *day && *day <= at_latest;
        let holidays = self.holidays.values().filter(|it| on_the_way(&it.on));
        Some(Due {
            on,
            at_latest,
            holidays: holidays.cloned().collect(),
        })
    }

    fn next(&self, day: Date) -> Option<Date> {
        self.known(day.tomorrow().ok()?)
    }

    fn known(&self, day: Date) -> Option<Date> {
        (self.first_year..=self.last_year)
            .contains(&day.year())
            .then_some(day)
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Sources;

    fn shipped() -> WorkingDays {
        WorkingDays::load(&Sources::shipped().unwrap().holidays).unwrap()
    }

    fn due(days: u32, from: &str) -> Vec<String> {
        let due = shipped().working_days_after(from.parse().unwrap(), days);
        let days = due.into_iter().flat_map(|it| [it.on, it.at_latest]);
        days.map(|it| it.to_string()).collect()
    }

    fn both(day: &str) -> [String; 2] {
        [day.to_owned(), day.to_owned()]
    }

    #[test]
    fn the_day_of_the_event_does_not_count_and_weekends_do_not() {
        assert_eq!(due(2, "2026-11-18"), both("2026-11-20"));
        assert_eq!(due(2, "2026-11-19"), both("2026-11-23"));
        assert_eq!(due(2, "2026-11-20"), both("2026-11-24"));
        assert_eq!(due(2, "2026-11-22"), both("2026-11-24"));
        assert_eq!(due(0, "2026-11-22"), both("2026-11-22"));
    }

    #[test]
    fn holidays_do_not_count_and_uncertain_ones_make_a_second_day() {
        assert_eq!(due(1, "2026-11-10"), both("2026-11-12"));
        assert_eq!(due(4, "2026-12-22"), ["2026-12-29", "2027-01-06"]);
    }

    #[test]
    fn a_clock_names_the_holidays_on_its_way() {
        let due = shipped()
            .working_days_after("2026-11-10".parse().unwrap(), 2)
            .unwrap();
        let names: Vec<_> = due.holidays.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["Armistice Day"]);
    }

    #[test]
    fn beyond_its_years_the_table_says_nothing() {
        assert_eq!(due(2, "2027-12-30"), Vec::<String>::new());
        assert_eq!(due(1, "2025-12-31"), ["2026-01-02", "2026-01-05"]);
    }

    #[test]
    fn calendar_days_that_end_on_a_free_day_end_with_the_next_working_day() {
        let due = |from: &str, days| shipped().calendar_days_after(from.parse().unwrap(), days);
        let sunday = due("2026-11-01", 28).unwrap();
        assert_eq!(sunday.on.to_string(), "2026-11-30");
        let end_of_year = due("2026-12-11", 20).unwrap();
        assert_eq!(end_of_year.on.to_string(), "2026-12-31");
        assert_eq!(end_of_year.at_latest.to_string(), "2027-01-04");
    }
}
