//! When an attempt's next call is due.

use jiff::Timestamp;

use super::{Moment, Tracked};
use crate::backoff::{after, delay};

impl Tracked {
    pub(super) fn again_soon(&mut self, at: &Moment<'_>) {
        let wait = delay(
            at.config.retry_min,
            at.config.retry_max,
            self.tries,
            self.id().as_uuid().as_u128(),
        );
        self.tries = self.tries.saturating_add(1);
        self.not_before = after(at.now, wait);
    }

    pub(super) fn again_slowly(&mut self, at: &Moment<'_>) {
        self.tries = self.tries.saturating_add(1);
        self.not_before = after(at.now, at.config.retry_max);
    }

    pub(super) fn advanced(&mut self, now: Timestamp) {
        self.tries = 0;
        self.not_before = now;
    }
}
