//! Whether the agent's loops move.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::AgentConfig;

/// The agent's loops, as `/healthz` and the metrics name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Loop {
    Lease,
    Report,
    Calls,
    Collect,
    Poll,
    Snapshot,
    Spool,
}

impl Loop {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Report => "report",
            Self::Calls => "calls",
            Self::Collect => "collect",
            Self::Poll => "poll",
            Self::Snapshot => "snapshot",
            Self::Spool => "spool",
        }
    }

    /// How long one turn may take when all is as bad as it gets but nothing hangs.
    fn longest_turn(self, config: &AgentConfig) -> Duration {
        /// A link or an adapter ends its calls within about so long.
        const CALL: Duration = Duration::from_mins(2);
        match self {
            Self::Lease => config.lease_wait + config.retry_max + CALL,
            Self::Snapshot => config.snapshot_every + CALL * 2,
            _ => config.retry_max + CALL + config.tick,
        }
    }
}

/// One loop's last turns.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Beat {
    /// When it last began something.
    pub(crate) last_try: Option<Timestamp>,
    /// When something it began last came to a good end.
    pub(crate) last_success: Option<Timestamp>,
    /// It waits for work, which may take for ever.
    pub(crate) idle: bool,
    moved_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Pulses(Mutex<BTreeMap<Loop, Beat>>);

impl Pulses {
    fn beats(&self) -> MutexGuard<'_, BTreeMap<Loop, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A loop begins a turn.
    pub(crate) fn begins(&self, turn: Loop, now: Timestamp) {
        let mut beats = self.beats();
        let beat = beats.entry(turn).or_default();
        (beat.last_try, beat.moved_at, beat.idle) = (Some(now), Some(now), false);
    }

    /// A turn is over.
    pub(crate) fn ends(&self, turn: Loop, now: Timestamp, well: bool) {
        let mut beats = self.beats();
        let beat = beats.entry(turn).or_default();
        beat.moved_at = Some(now);
        if well {
            beat.last_success = Some(now);
        }
    }

    /// A loop has nothing to do until something wakes it.
    pub(crate) fn rests(&self, turn: Loop, now: Timestamp) {
        let mut beats = self.beats();
        let beat = beats.entry(turn).or_default();
        (beat.moved_at, beat.idle) = (Some(now), true);
    }

    pub(crate) fn all(&self) -> BTreeMap<Loop, Beat> {
        self.beats().clone()
    }
}

impl Beat {
    /// How long it has not moved, unless it rests.
    pub(crate) fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        let moved_at = self.moved_at.filter(|_| !self.idle)?;
        Some(now.duration_since(moved_at))
    }

    /// It has not moved for three times as long as a turn may take.
    pub(crate) fn is_stuck(&self, turn: Loop, config: &AgentConfig, now: Timestamp) -> bool {
        let patience = SignedDuration::try_from(turn.longest_turn(config) * 3);
        let patience = patience.unwrap_or(SignedDuration::MAX);
        self.age(now).is_some_and(|age| age > patience)
    }
}
