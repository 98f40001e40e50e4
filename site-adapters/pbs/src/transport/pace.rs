use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Lets so many commands begin in any one second, and run at the same time.
///
/// Every command but a qsub through its daemon takes a reserved port that stays taken for a minute;
/// beyond ten a second they stall for up to a minute and still exit 0.
#[derive(Debug)]
pub(crate) struct Pace {
    at_once: Semaphore,
    per_second: usize,
    /// When the last turns begin, the oldest first: as many as a second has.
    last: Mutex<VecDeque<Instant>>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Pace {
    pub(crate) fn new(per_second: u32, at_once: usize) -> Self {
        Self {
            at_once: Semaphore::new(at_once),
            per_second: usize::try_from(per_second.max(1)).unwrap_or(usize::MAX),
            last: Mutex::new(VecDeque::new()),
        }
    }

    /// Waits for a turn; the permit is held while the command runs.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.acquire().await.ok();
        self.begin().await;
        permit
    }

    /// Waits until one more may begin, for who has a permit.
    pub(crate) async fn begin(&self) {
        tokio::time::sleep_until(self.take(Instant::now())).await;
    }

    fn take(&self, now: Instant) -> Instant {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if last.len() < self.per_second {
            None
        } else {
            last.pop_front()
        };
        let turn = oldest.map_or(now, |oldest| now.max(oldest + SECOND));
        last.push_back(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_of_a_minute_of_asking_has_more_than_ten_turns() {
        let pace = Pace::new(10, 4);
        let began = Instant::now();
        let mut turns: Vec<Instant> = Vec::new();
        for _ in 0..600 {
            turns.push(pace.take(turns.last().copied().unwrap_or(began)));
        }
        // A pause is not made up for.
        let later = began + Duration::from_hours(1);
        turns.extend((0..40).map(|_| pace.take(later)));
        for eleven in turns.windows(11) {
            let span = eleven[10].duration_since(eleven[0]);
            assert!(span >= SECOND, "{span:?}");
        }
        let took = turns[599].duration_since(began);
        assert_eq!(took, Duration::from_secs(59));
        assert_eq!(turns.iter().filter(|turn| **turn == later).count(), 10);
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
