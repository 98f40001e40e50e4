use broker_model::{ReferralDue, ReferralLeg};
use jiff::civil::{Date, Weekday};
use policy_engine::{Clock, ClockStart, day_in_brussels};

use super::directory::SupportCentre;
use crate::{Broker, Caller};
use policy_engine::begin_in_brussels;

impl Broker {
    /// A leg that begins now, with the clock of its centre.
    pub(super) fn leg_to(&self, caller: &Caller, centre: &SupportCentre) -> ReferralLeg {
        let now = self.inner.clock.now();
        let today = day_in_brussels(now);
        let within = centre.acknowledge_within.as_ref().map_or(0, |it| it.value);
        let clock = Clock {
            working_days: Some(within),
            calendar_days: None,
            from: ClockStart::Submission,
        };
        let (on, at_latest) = match self.policy().due(clock, today) {
            Some(due) => (due.on, due.at_latest),
            None => [weekdays_after(today, within); 2].into(),
        };
        let end = at_latest.tomorrow().ok().and_then(begin_in_brussels);
        let due = ReferralDue {
            on,
            at_latest,
            until: end.unwrap_or(now),
        };
        ReferralLeg::sent(centre.id.clone(), (now, caller.person), due)
    }
}

/// Without holidays: what is left where no table of them reaches.
fn weekdays_after(day: Date, count: u32) -> Date {
    let mut at = day;
    let mut left = count;
    while left > 0 {
        let Ok(next) = at.tomorrow() else { return at };
        at = next;
        left -= u32::from(!matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_table_of_holidays_weekends_alone_do_not_count() {
        let friday: Date = "2030-11-22".parse().unwrap();
        assert_eq!(weekdays_after(friday, 1).to_string(), "2030-11-25");
        assert_eq!(weekdays_after(friday, 5).to_string(), "2030-11-29");
        assert_eq!(weekdays_after(friday, 0), friday);
    }
}
