use jiff::Timestamp;
use jiff::civil::Date;
use policy_engine::{AccessMode, ClockStart, Due, OfferState, day_in_brussels};
use serde::{Deserialize, Serialize};

use crate::Broker;

/// An access mode with what holds of it today.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModeToday {
    /// Its offers are those of the day, a system once.
    #[serde(flatten)]
    pub mode: AccessMode,
    /// The day in Brussels that all of it is about.
    pub on: Date,
    /// The next cut-off; none where there are none, or no further one is known.
    pub next_cut_off: Option<Timestamp>,
    /// Where it has cut-offs and all that are known are over, the day of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
    /// By when an application that is handed in now is decided; none where the mode has no clock, where nobody
    /// knows when it begins, and where it is open at no system.
    pub decided_by: Option<Due>,
}

impl Broker {
    /// Every access mode of the policy in force, by id.
    pub fn access_modes(&self) -> Vec<ModeToday> {
        let (engine, now) = (self.policy(), self.clock().now());
        let on = day_in_brussels(now);
        let today = |mode: &AccessMode| {
            let next_cut_off = { mode.cut_offs.as_ref() }.and_then(|it| it.value.next(now));
            let none_after = { mode.cut_offs.as_ref() }.and_then(|it| it.value.none_after(now));
            let offers: Vec<_> = mode.offers_on(on).into_iter().cloned().collect();
            let is_open = offers.iter().any(|it| it.value.state == OfferState::Open);
            let clock = mode
                .decision
                .as_ref()
                .filter(|_| is_open)
                .map(|it| it.value);
            let decided_by = clock.and_then(|clock| {
                let from = match clock.from {
                    ClockStart::Submission => on,
                    ClockStart::CutOff => day_in_brussels(next_cut_off?),
                };
                engine.due(clock, from)
            });
            ModeToday {
                mode: AccessMode {
                    offers,
                    ..mode.clone()
                },
                on,
                next_cut_off,
                no_cut_off_after: none_after,
                decided_by,
            }
        };
        engine.modes().iter().map(today).collect()
    }
}
