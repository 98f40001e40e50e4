//! The adapter's own loop: for what nobody tells it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::inner::Inner;
use crate::retention;

/// How often jobs of an earlier agent are looked at; those of this one tell their end themselves.
const TICK: Duration = Duration::from_millis(500);
const TICKS_PER_CLEANING: u64 = 7200;

/// Runs until it is stopped, or the adapter is gone.
pub(crate) async fn run(inner: Weak<Inner>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    let mut round: u64 = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.changed() => return,
        }
        let Some(inner) = inner.upgrade() else {
            return;
        };
        let clean = round.is_multiple_of(TICKS_PER_CLEANING);
        round += 1;
        // A panic in there was reported by tokio; the next round tries again.
        let _ = tokio::task::spawn_blocking(move || one_round(&inner, clean)).await;
    }
}

fn one_round(inner: &Arc<Inner>, clean: bool) {
    let adopted = inner.roster().adopted();
    for marker in adopted {
        if !inner.wrapper_is_alive(&inner.live(&marker)) {
            inner.settle(&marker, true);
        }
    }
    inner.start_ready();
    if clean && let Err(error) = retention::remove_old(inner) {
        tracing::warn!(%error, "old folders cannot be removed");
    }
}
