use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_model::Clock;
use jiff::{SignedDuration, Timestamp};

/// How long one that did not answer is left alone.
const SPAN: SignedDuration = SignedDuration::from_secs(5);

/// Whether something is away: one that hangs must not make every caller wait in turn.
///
/// After a failure nobody asks for [`SPAN`]; then one caller tries, while the others go on as before.
#[derive(Debug)]
pub(crate) struct Away {
    clock: Arc<dyn Clock>,
    /// How long a try may take.
    patience: SignedDuration,
    until: Mutex<Option<Timestamp>>,
}

impl Away {
    pub(crate) fn new(clock: Arc<dyn Clock>, patience: SignedDuration) -> Self {
        Self {
            clock,
            patience,
            until: Mutex::new(None),
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        let until = *self.until();
        until.is_some_and(|until| self.is_ahead(until))
    }

    /// Whether the caller is the one to try now.
    pub(crate) fn may_try(&self) -> bool {
        let mut until = self.until();
        match *until {
            None => true,
            Some(then) if self.is_ahead(then) => false,
            Some(_) => {
                *until = self.after(self.longest());
                true
            }
        }
    }

    pub(crate) fn answered(&self) {
        *self.until() = None;
    }

    pub(crate) fn failed(&self) {
        *self.until() = self.after(SPAN);
    }

    /// A time further off than any that is set here was set before the clock was put back.
    fn is_ahead(&self, until: Timestamp) -> bool {
        let left = until.duration_since(self.clock.now());
        left.is_positive() && left <= self.longest()
    }

    fn longest(&self) -> SignedDuration {
        SPAN.saturating_add(self.patience)
    }

    fn after(&self, span: SignedDuration) -> Option<Timestamp> {
        self.clock.now().checked_add(span).ok()
    }

    fn until(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use broker_model::ManualClock;

    use super::*;

    #[test]
    fn after_a_failure_one_caller_a_span_tries() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let away = Away::new(clock.clone(), SignedDuration::from_secs(3));
        assert!(away.may_try() && away.may_try(), "nothing is known yet");
        away.failed();
        assert!(away.is_away() && !away.may_try());
        clock.advance(SPAN);
        assert!(away.may_try() && !away.may_try(), "one of them");
        assert!(away.is_away(), "for the others, while one tries");
        away.answered();
        assert!(away.may_try() && !away.is_away());
    }

    #[test]
    fn a_clock_that_is_put_back_keeps_nobody_away() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_second(10_000).unwrap()));
        let away = Away::new(clock.clone(), SignedDuration::from_secs(3));
        away.failed();
        clock.advance(SignedDuration::from_secs(-5_000));
        assert!(!away.is_away() && away.may_try());
    }
}
