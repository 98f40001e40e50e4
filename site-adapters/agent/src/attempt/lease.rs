//! How long nobody else works on an attempt, by this machine's steady clock alone.

use jiff::{SignedDuration, Timestamp};

/// Assumed of a broker that does not tell its time when the end of a lease is already past, which only a
/// wrong clock explains.
const SKEWED: SignedDuration = SignedDuration::from_secs(30);
/// No broker can be set to a shorter one: taken for the length of what was over before it came.
const SHORTEST: SignedDuration = SignedDuration::from_secs(5);

/// The reply that leases came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// When it was asked for, by the steady clock.
    pub(crate) asked_at: Timestamp,
    /// When it came, by the same clock and by the wall clock.
    pub(crate) steady: Timestamp,
    pub(crate) now: Timestamp,
    /// The broker's clock while it answered, if it tells.
    pub(crate) answered_at: Option<Timestamp>,
}

/// The broker's promise that nobody else works on the attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    length: SignedDuration,
    renewed_at: Timestamp,
    /// At least until then.
    pub(super) until: Timestamp,
}

impl Lease {
    /// The broker cannot have answered before it was asked: counted from there a lease ends here no
    /// later than at the broker, however slow the answer was and whatever the clocks show.
    pub(super) fn taken(until: Timestamp, heard: &Heard) -> Self {
        let Some(answered_at) = heard.answered_at else {
            return Self::by_the_wall(until, heard);
        };
        let left = until.duration_since(answered_at);
        Self {
            length: left.max(SHORTEST),
            renewed_at: heard.asked_at,
            until: later(heard.asked_at, left),
        }
    }

    fn by_the_wall(until: Timestamp, heard: &Heard) -> Self {
        let mut length = until.duration_since(heard.now);
        if !length.is_positive() {
            tracing::warn!(
                behind_seconds = -length.as_secs(),
                "a lease was over when it came: this machine's clock and the broker's differ"
            );
            length = SKEWED;
        }
        Self {
            length,
            renewed_at: heard.steady,
            until: later(heard.steady, length),
        }
    }

    /// What an earlier process held: nothing is sent under it.
    pub(super) const fn of_before(until: Timestamp) -> Self {
        Self {
            length: SKEWED,
            renewed_at: until,
            until,
        }
    }

    /// A broker writes a renewal only when half of the lease is gone, so half is what is sure.
    pub(super) fn renewed(&mut self, from: Timestamp) {
        self.until = self.until.max(later(from, self.length / 2));
        self.renewed_at = from;
    }

    /// A submit can take as long as the scheduler likes: it starts only with time left, so that no
    /// other agent looks for the marker while this one sends it.
    pub(super) fn allows_submit(self, steady: Timestamp) -> bool {
        self.until.duration_since(steady) >= self.length / 6
    }

    pub(super) fn is_over(self, steady: Timestamp) -> bool {
        self.until <= steady
    }

    pub(super) fn renewal_due_at(self) -> Timestamp {
        later(self.renewed_at, self.length / 3)
    }
}

fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
