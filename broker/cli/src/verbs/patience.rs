//! How long a stream that breaks is taken up again.

use std::time::{Duration, Instant};

/// A broker that is replaced is away for its notice, its grace and the start of the next one.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A stream that lasted so long was in order: one that a broker cannot serve ends at once.
const HELD: Duration = Duration::from_secs(10);

/// Counts the tries in a row that came to nothing. Times are given, so that tests need not wait.
#[derive(Debug, Default)]
pub(super) struct Patience {
    opened: Option<Instant>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: Instant,
    tries: u32,
}

impl Patience {
    /// A stream began.
    pub(super) const fn opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// Something came of it.
    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    /// How long to wait before the next try; `None` when it was tried for long enough.
    pub(super) fn pause(&mut self, now: Instant) -> Option<Duration> {
        let held = |opened| now.duration_since(opened) >= HELD;
        if self.opened.take().is_some_and(held) {
            self.trouble = None;
        }
        let begun = Trouble {
            since: now,
            tries: 0,
        };
        let trouble = self.trouble.get_or_insert(begun);
        if now.duration_since(trouble.since) >= PATIENCE {
            return None;
        }
        trouble.tries = trouble.tries.saturating_add(1);
        Some(PAUSE.saturating_mul(trouble.tries).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it goes on where each try lasts so long, and the number of tries.
    fn spent(patience: &mut Patience, mut now: Instant, each: Duration) -> (Duration, u32) {
        let begun = now;
        for tries in 1..1000 {
            now += each;
            match patience.pause(now) {
                Some(pause) => now += pause,
                None => return (now - begun, tries),
            }
        }
        panic!("it never ends");
    }

    #[test]
    fn a_broker_that_is_away_is_asked_for_two_minutes_and_ever_less_often() {
        let mut patience = Patience::default();
        let (spent, tries) = spent(&mut patience, Instant::now(), Duration::ZERO);
        assert!(spent >= PATIENCE && spent < PATIENCE + LONGEST_PAUSE);
        assert!((20..60).contains(&tries), "{tries}");
    }

    #[test]
    fn a_stream_that_ends_at_once_is_no_way_on_and_one_that_lasted_is() {
        let mut now = Instant::now();
        let mut patience = Patience::default();
        for _ in 0..500 {
            patience.opened(now);
            now += HELD;
            assert_eq!(patience.pause(now), Some(PAUSE));
        }
        let given_up = (0..500).any(|_| {
            patience.opened(now);
            match patience.pause(now) {
                Some(pause) => now += pause,
                None => return true,
            }
            false
        });
        assert!(given_up);
    }

    #[test]
    fn what_came_through_makes_it_as_patient_as_at_first() {
        let now = Instant::now();
        let mut patience = Patience::default();
        spent(&mut patience, now, Duration::ZERO);
        patience.renew();
        assert_eq!(patience.pause(now + PATIENCE), Some(PAUSE));
    }
}
