use std::hash::{BuildHasher, Hash, RandomState};

use tokio::sync::{Mutex, MutexGuard};

const STRIPES: usize = 64;

/// Lets callers with the same question wait for the first of them, without a lock per question.
///
/// Two questions may share a stripe; then one waits for the other, a request's time limit at most.
pub(crate) struct Turns {
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self {
            stripes: [const { Mutex::const_new(()) }; STRIPES],
            hasher: RandomState::new(),
        }
    }

    pub(crate) async fn take(&self, question: &impl Hash) -> Option<MutexGuard<'_, ()>> {
        let hash = self.hasher.hash_one(question) % STRIPES as u64;
        let stripe = self.stripes.get(usize::try_from(hash).ok()?)?;
        Some(stripe.lock().await)
    }
}
