use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// More than a site has projects and people.
const MOST: usize = 20_000;

/// What was found out, for as long as it counts.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    lasts: Duration,
    known: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn new(lasts: Duration) -> Self {
        Self {
            lasts,
            known: Mutex::default(),
        }
    }

    pub(super) fn find(&self, key: &K) -> Option<V> {
        let known = self.known();
        let (at, value) = known.get(key)?;
        (at.elapsed() < self.lasts).then(|| value.clone())
    }

    /// When it is full, what is old makes room; if nothing is, everything is found out again.
    pub(super) fn keep(&self, key: K, value: V) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (at, _)| at.elapsed() < self.lasts);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (Instant::now(), value));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_mins(5);

    #[tokio::test(start_paused = true)]
    async fn what_is_found_counts_for_its_time() {
        let recent = Recent::new(LASTS);
        recent.keep("maia", 1001);
        tokio::time::advance(LASTS / 2).await;
        assert_eq!(recent.find(&"maia"), Some(1001));
        tokio::time::advance(LASTS / 2).await;
        assert_eq!(recent.find(&"maia"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_one_lets_go_of_what_is_old_and_keeps_the_rest() {
        let recent = Recent::new(LASTS);
        for old in 1..MOST {
            recent.keep(old, ());
        }
        tokio::time::advance(LASTS).await;
        recent.keep(MOST, ());
        recent.keep(MOST + 1, ());
        assert_eq!(recent.find(&MOST), Some(()));
        assert_eq!(recent.known().len(), 2);
    }
}
