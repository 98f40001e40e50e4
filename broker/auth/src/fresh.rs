//! One value of an issuer, fetched by one caller at a time and kept when the issuer is away.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use broker_model::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use crate::{AuthError, Endpoint};

/// How long callers wait after a failed first fetch before one of them tries again.
const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rhythm {
    pub(crate) max_age: SignedDuration,
    pub(crate) min_interval: SignedDuration,
}

#[derive(Debug)]
pub(crate) struct Fresh<T> {
    source: (String, Endpoint),
    clock: Arc<dyn Clock>,
    rhythm: Rhythm,
    held: RwLock<Option<Held<T>>>,
    asked: Mutex<Option<Asked>>,
}

/// The last time the issuer was asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Timestamp,
    answered: bool,
}

#[derive(Debug)]
struct Held<T> {
    value: Arc<T>,
    at: Timestamp,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            at: self.at,
        }
    }
}

impl<T> Fresh<T> {
    pub(crate) fn new(
        issuer: &str,
        endpoint: Endpoint,
        clock: Arc<dyn Clock>,
        rhythm: Rhythm,
    ) -> Self {
        Self {
            source: (issuer.to_owned(), endpoint),
            clock,
            rhythm,
            held: RwLock::new(None),
            asked: Mutex::new(None),
        }
    }

    pub(crate) fn held(&self) -> Option<Arc<T>> {
        self.read().map(|held| held.value)
    }

    /// Returns the value, fetched anew when it is older than the maximal age.
    ///
    /// The old one goes on counting while the issuer cannot be reached, and for those who come
    /// while another caller is asking.
    pub(crate) async fn current<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let Some(held) = self.read() else {
            return self.first(fetch).await;
        };
        if self.since(held.at) < self.rhythm.max_age {
            return Ok(held.value);
        }
        let Ok(mut asked) = self.asked.try_lock() else {
            return Ok(held.value);
        };
        if asked.is_some_and(|asked| self.since(asked.at) < self.rhythm.min_interval) {
            return Ok(held.value);
        }
        match self.fetch(&mut asked, fetch).await {
            Ok(value) => Ok(value),
            Err(error) => {
                tracing::warn!(
                    error.code = error.code(),
                    "issuer is away, its last answer still counts"
                );
                Ok(held.value)
            }
        }
    }

    /// Returns a value newer than `known`, or `None` when it is too soon to ask for one.
    pub(crate) async fn newer<F>(
        &self,
        known: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<T>>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let mut asked = self.asked.lock().await;
        let held = self.held().filter(|held| !Arc::ptr_eq(held, known));
        if held.is_some() {
            return Ok(held);
        }
        match *asked {
            Some(last) if self.since(last.at) < self.rhythm.min_interval => {
                // Without an answer nobody knows whether there is a newer one.
                if last.answered {
                    Ok(None)
                } else {
                    Err(self.away())
                }
            }
            _ => self.fetch(&mut asked, fetch).await.map(Some),
        }
    }

    async fn first<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let mut asked = self.asked.lock().await;
        if let Some(value) = self.held() {
            return Ok(value);
        }
        if asked.is_some_and(|asked| self.since(asked.at) < FIRST_RETRY) {
            // Whoever waited here behind a failed try shall not each wait for a timeout too.
            return Err(self.away());
        }
        self.fetch(&mut asked, fetch).await
    }

    async fn fetch<F>(
        &self,
        asked: &mut MutexGuard<'_, Option<Asked>>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let outcome = fetch().await;
        let now = self.clock.now();
        **asked = Some(Asked {
            at: now,
            answered: outcome.is_ok(),
        });
        let value = Arc::new(outcome?);
        let held = Held {
            value: Arc::clone(&value),
            at: now,
        };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(value)
    }

    fn read(&self) -> Option<Held<T>> {
        self.held
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn away(&self) -> AuthError {
        AuthError::IssuerUnreachable {
            issuer: self.source.0.clone(),
            endpoint: self.source.1,
            source: None,
        }
    }

    fn since(&self, then: Timestamp) -> SignedDuration {
        self.clock.now().duration_since(then)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use broker_model::ManualClock;

    use super::*;

    struct Source {
        clock: Arc<ManualClock>,
        fresh: Fresh<u32>,
        asked: AtomicU32,
    }

    impl Source {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
            let rhythm = Rhythm {
                max_age: SignedDuration::from_secs(600),
                min_interval: SignedDuration::from_secs(10),
            };
            let fresh = Fresh::new(
                "i",
                Endpoint::Keys,
                Arc::clone(&clock) as Arc<dyn Clock>,
                rhythm,
            );
            Self {
                clock,
                fresh,
                asked: AtomicU32::new(0),
            }
        }

        fn count(&self) -> std::future::Ready<Result<u32, AuthError>> {
            std::future::ready(Ok(self.asked.fetch_add(1, Ordering::SeqCst) + 1))
        }

        fn fail(&self) -> std::future::Ready<Result<u32, AuthError>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Err(AuthError::Inactive))
        }

        fn pass(&self, seconds: i64) {
            self.clock.advance(SignedDuration::from_secs(seconds));
        }
    }

    #[tokio::test]
    async fn a_value_is_fetched_once_until_it_is_old() {
        let source = Source::new();
        for _ in 0..3 {
            assert_eq!(*source.fresh.current(|| source.count()).await.unwrap(), 1);
        }
        source.pass(600);
        assert_eq!(*source.fresh.current(|| source.count()).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn an_old_value_goes_on_counting_while_its_source_is_away() {
        let source = Source::new();
        source.fresh.current(|| source.count()).await.unwrap();
        source.pass(10_000);
        for _ in 0..5 {
            assert_eq!(*source.fresh.current(|| source.fail()).await.unwrap(), 1);
        }
        assert_eq!(
            source.asked.load(Ordering::SeqCst),
            2,
            "asked once more, then not so soon again"
        );
    }

    #[tokio::test]
    async fn something_newer_is_asked_for_no_more_often_than_the_interval() {
        let source = Source::new();
        let known = source.fresh.current(|| source.count()).await.unwrap();
        source.pass(9);
        assert!(
            source
                .fresh
                .newer(&known, || source.count())
                .await
                .unwrap()
                .is_none()
        );
        source.pass(1);
        let newer = source.fresh.newer(&known, || source.count()).await.unwrap();
        assert_eq!(newer.as_deref(), Some(&2));
        // Another caller who knew only the first value gets the second without asking.
        let shared = source.fresh.newer(&known, || source.count()).await.unwrap();
        assert_eq!(shared.as_deref(), Some(&2));
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failed_first_fetch_is_not_repeated_by_everyone_at_once() {
        let source = Source::new();
        assert!(source.fresh.current(|| source.fail()).await.is_err());
        assert!(source.fresh.current(|| source.count()).await.is_err());
        source.pass(1);
        assert_eq!(*source.fresh.current(|| source.count()).await.unwrap(), 2);
    }
}
