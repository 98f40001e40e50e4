use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A loop that runs every second and did not run for so long was stopped with its whole machine.
const DEAF_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Since when this broker could have heard a site. Silence while the broker itself was down, stopped
/// or without its database says nothing of the sites.
#[derive(Debug)]
pub(crate) struct Hearing(Mutex<Heard>);

#[derive(Debug)]
struct Heard {
    since: Timestamp,
    last_looked_at: Timestamp,
}

impl Hearing {
    pub(crate) fn from(now: Timestamp) -> Self {
        Self(Mutex::new(Heard {
            since: now,
            last_looked_at: now,
        }))
    }

    /// What the sites said until now may not have been heard.
    pub(crate) fn interrupted_at(&self, now: Timestamp) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.since = heard.since.max(now);
    }

    pub(super) fn look(&self, now: Timestamp) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(heard.last_looked_at) > DEAF_AFTER {
            heard.since = now;
        }
        heard.last_looked_at = now;
    }

    pub(super) fn since(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).since
    }
}
