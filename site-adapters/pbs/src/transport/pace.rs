use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Lets so many commands begin in a second, and run at the same time.
///
/// Every command but a qsub through its daemon takes a reserved port that stays taken for a minute;
/// beyond ten a second they stall for up to a minute and still exit 0.
#[derive(Debug)]
pub(crate) struct Pace {
    at_once: Semaphore,
    interval: Duration,
    /// When the last turn that was given begins. A burst of one second's worth is let through.
    next: Mutex<Option<Instant>>,
    burst: Duration,
}

impl Pace {
    pub(crate) fn new(per_second: u32, at_once: usize) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            at_once: Semaphore::new(at_once),
            interval,
            next: Mutex::new(None),
            burst: Duration::from_secs(1).saturating_sub(interval),
        }
    }

    /// Waits for a turn; the permit is held while the command runs.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.acquire().await.ok();
        tokio::time::sleep_until(self.take(Instant::now())).await;
        permit
    }

    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let turn = next.map_or(earliest, |next| next.max(earliest));
        *next = Some(turn + self.interval);
        turn.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_minute_of_asking_gets_ten_turns_a_second_and_one_burst() {
        let pace = Pace::new(10, 4);
        let began = Instant::now();
        let mut now = began;
        for _ in 0..610 {
            now = pace.take(now);
        }
        let took = now.duration_since(began);
        assert!(took >= Duration::from_secs(59), "{took:?}");
        assert!(took <= Duration::from_secs(61), "{took:?}");
        // A pause is made up for by one burst, not by all that could have been.
        let later = now + Duration::from_hours(1);
        let turns = (0..20)
            .map(|_| pace.take(later))
            .filter(|turn| *turn == later);
        assert_eq!(turns.count(), 10);
    }

    #[tokio::test]
    async fn no_more_commands_run_at_once_than_allowed() {
        let pace = Pace::new(1000, 2);
        let _first = pace.turn().await;
        let second = pace.turn().await;
        assert!(pace.at_once.try_acquire().is_err());
        drop(second);
        assert!(pace.at_once.try_acquire().is_ok());
    }
}
