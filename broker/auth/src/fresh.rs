//! One value of an issuer, fetched by one caller at a time and kept when the issuer is away.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    asked: Mutex<Asked>,
    /// The last try failed: while another is under way nobody waits for it.
    failing: AtomicBool,
    counting: Option<Counting<T>>,
}

/// When the issuer was asked, and when because somebody wanted more than what was held.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    last: Option<Timestamp>,
    for_newer: Option<Timestamp>,
}

/// Counts up once a new value is in force that lacks something of the old one.
#[derive(Debug)]
struct Counting<T> {
    count: Arc<AtomicU64>,
    lost: fn(&T, &T) -> bool,
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
            asked: Mutex::default(),
            failing: AtomicBool::new(false),
            counting: None,
        }
    }

    /// With a count that goes up when `lost(new, old)`.
    pub(crate) fn counting(mut self, count: Arc<AtomicU64>, lost: fn(&T, &T) -> bool) -> Self {
        self.counting = Some(Counting { count, lost });
        self
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
        if self.is_within(asked.last, self.rhythm.min_interval) {
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
    ///
    /// Only asking for newer ones is rationed: the first such question is asked however lately the
    /// value came, since what is wanted may have been made right after.
    pub(crate) async fn newer<F>(
        &self,
        known: &Arc<T>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<T>>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let mut asked = self.turn().await?;
        let held = self.held().filter(|held| !Arc::ptr_eq(held, known));
        if held.is_some() {
            return Ok(held);
        }
        // Without an answer nobody knows whether there is a newer one.
        if self.is_failing() && self.is_within(asked.last, self.rhythm.min_interval) {
            return Err(self.away());
        }
        if self.is_within(asked.for_newer, self.rhythm.min_interval) {
            return Ok(None);
        }
        asked.for_newer = Some(self.clock.now());
        self.fetch(&mut asked, fetch).await.map(Some)
    }

    async fn first<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let mut asked = self.turn().await?;
        if let Some(value) = self.held() {
            return Ok(value);
        }
        if self.is_within(asked.last, FIRST_RETRY) {
            // Whoever waited here behind a failed try shall not each wait for a timeout too.
            return Err(self.away());
        }
        self.fetch(&mut asked, fetch).await
    }

    /// Waits for the caller who is asking, unless the answer is likely to be none again.
    async fn turn(&self) -> Result<MutexGuard<'_, Asked>, AuthError> {
        if self.is_failing() {
            return self.asked.try_lock().map_err(|_| self.away());
        }
        Ok(self.asked.lock().await)
    }

    async fn fetch<F>(
        &self,
        asked: &mut MutexGuard<'_, Asked>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, AuthError>
    where
        F: Future<Output = Result<T, AuthError>>,
    {
        let outcome = fetch().await;
        let now = self.clock.now();
        asked.last = Some(now);
        self.failing.store(outcome.is_err(), Ordering::SeqCst);
        let value = Arc::new(outcome?);
        self.put(Held {
            value: Arc::clone(&value),
            at: now,
        });
        Ok(value)
    }

    /// Counts after the new value is in force: a token that was looked at under the new number was
    /// looked at with the new value.
    fn put(&self, new: Held<T>) {
        let value = Arc::clone(&new.value);
        let old = self
            .held
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(new);
        if let (Some(counting), Some(old)) = (&self.counting, old)
            && (counting.lost)(&value, &old.value)
        {
            counting.count.fetch_add(1, Ordering::SeqCst);
        }
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

    fn is_failing(&self) -> bool {
        self.failing.load(Ordering::SeqCst)
    }

    fn is_within(&self, then: Option<Timestamp>, span: SignedDuration) -> bool {
        then.is_some_and(|then| self.since(then) < span)
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
        let second = source.fresh.newer(&known, || source.count()).await.unwrap();
        assert_eq!(second.as_deref(), Some(&2), "the first question is free");
        // Another caller who knew only the first value gets the second without asking.
        let shared = source.fresh.newer(&known, || source.count()).await.unwrap();
        assert_eq!(shared.as_deref(), Some(&2));
        let second = second.unwrap();
        source.pass(9);
        let soon = source.fresh.newer(&second, || source.count()).await;
        assert!(soon.unwrap().is_none());
        source.pass(1);
        let third = source.fresh.newer(&second, || source.count()).await;
        assert_eq!(third.unwrap().as_deref(), Some(&3));
        assert_eq!(source.asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_is_lost_counts_once_the_new_value_is_in_force() {
        let source = Source::new();
        let count = Arc::new(AtomicU64::new(0));
        let fresh = Fresh::new(
            "i",
            Endpoint::Keys,
            Arc::clone(&source.clock) as Arc<dyn Clock>,
            source.fresh.rhythm,
        )
        .counting(Arc::clone(&count), |new: &u32, old| new < old);
        for (value, expected) in [(5, 0), (6, 0), (4, 1), (4, 1)] {
            let fetched = || std::future::ready(Ok(value));
            assert_eq!(*fresh.current(fetched).await.unwrap(), value);
            assert_eq!(count.load(Ordering::SeqCst), expected, "{value}");
            source.pass(600);
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_another_try_of_a_source_that_failed() {
        let source = Source::new();
        assert!(source.fresh.current(|| source.fail()).await.is_err());
        source.pass(1);
        let mut hanging = Box::pin(source.fresh.current(std::future::pending));
        assert!(futures_poll(&mut hanging).await.is_none());
        let other = source.fresh.current(|| source.count()).await;
        assert!(other.unwrap_err().is_unavailable());
        drop(hanging);
        assert!(source.fresh.current(|| source.count()).await.is_ok());
    }

    /// What a future answers when it is asked once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            let polled = std::pin::Pin::new(&mut *future).poll(cx);
            std::task::Poll::Ready(match polled {
                std::task::Poll::Ready(answer) => Some(answer),
                std::task::Poll::Pending => None,
            })
        })
        .await
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
