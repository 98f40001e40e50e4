//! What keeps a submission from arriving after another agent has proven that there is none.
//!
//! An agent submits only while its lease has some time left, and not later than [`SOON`] after it
//! decided so: looking up, tokens and waiting for a place may take longer than the lease does. What is
//! left of a short lease is less than that, so the time that absence is looked for (`settle_seconds`)
//! has all of it in it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A sixth of the usual lease of a minute: the least that is left of that when a submit begins.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// Less than another agent needs to get the lease, to look and to lose it again.
const PROOF_FOR: Duration = Duration::from_mins(1);

/// Markers that were proven absent just now: before those are submitted one look is enough.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<HashMap<String, Instant>>);

impl Proofs {
    pub(super) fn note(&self, marker: &str) {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, at| now.duration_since(*at) < PROOF_FOR);
        all.insert(marker.to_owned(), now);
    }

    pub(super) fn has(&self, marker: &str) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(marker).is_some_and(|at| at.elapsed() < PROOF_FOR)
    }
}
