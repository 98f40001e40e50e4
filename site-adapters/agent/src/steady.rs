use std::sync::{Arc, Mutex, PoisonError};

use broker_model::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that nobody sets back.
///
/// It begins with the wall clock's time, and goes on by whichever of the wall clock and the kernel's
/// monotonic one has moved further: the first may be set back, the second stands still while the machine
/// is suspended.
#[derive(Debug)]
pub struct SteadyClock {
    wall: Arc<dyn Clock>,
    last: Mutex<Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Timestamp,
    monotonic: Instant,
    shown: Timestamp,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self::over(Arc::new(SystemClock))
    }
}

impl SteadyClock {
    pub fn over(wall: Arc<dyn Clock>) -> Self {
        let now = wall.now();
        let last = Mutex::new(Reading {
            wall: now,
            monotonic: Instant::now(),
            shown: now,
        });
        Self { wall, last }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, monotonic) = (self.wall.now(), Instant::now());
        let ran = SignedDuration::try_from(monotonic.duration_since(last.monotonic));
        let ran = ran.unwrap_or(SignedDuration::MAX);
        let moved = wall.duration_since(last.wall).max(ran);
        let shown = last.shown.saturating_add(moved).unwrap_or(Timestamp::MAX);
        *last = Reading {
            wall,
            monotonic,
            shown,
        };
        shown
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use broker_model::ManualClock;

    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_back_takes_no_time_back() {
        let wall = Arc::new(ManualClock::at(SystemClock.now()));
        let steady = SteadyClock::over(wall.clone());
        let before = steady.now();
        wall.advance(SignedDuration::from_secs(-60));
        assert!(steady.now() >= before);
        wall.advance(SignedDuration::from_secs(30));
        assert!(steady.now() >= before + SignedDuration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_while_the_wall_clock_stands() {
        let steady = SteadyClock::over(Arc::new(ManualClock::at(SystemClock.now())));
        let before = steady.now();
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(steady.now(), before + SignedDuration::from_millis(5));
    }
}
