//! A request that is sent again under its key is done once: the first answer is stored with what it
//! answers, in one transaction.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use broker_model::Job;
use broker_store::{IdempotencyKey, Remembered, Write};
use jiff::Timestamp;

use crate::{Broker, Caller, Error, Result};

/// What was answered when the key was first used.
#[derive(Clone, Debug)]
pub struct FirstAnswer {
    pub status: u16,
    pub body: String,
}

/// A client's promise that a repeated request means the same thing, made once.
pub struct Idempotent<T> {
    pub key: String,
    /// SHA-256 of what was asked: the body, and where it matters the path.
    pub request_sha256: String,
    /// Renders the answer, which is stored with the thing in one transaction.
    pub render: Box<dyn Fn(&T) -> FirstAnswer + Send + Sync>,
}

/// The same for a job.
pub type Idempotency = Idempotent<Job>;

impl<T> std::fmt::Debug for Idempotent<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idempotent")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Keys whose first request this process has not answered yet.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<Mutex<HashSet<IdempotencyKey>>>);

#[derive(Debug)]
struct InFlightGuard {
    keys: InFlight,
    key: IdempotencyKey,
}

impl InFlight {
    fn enter(&self, key: &IdempotencyKey) -> Result<InFlightGuard> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.insert(key.clone()) {
            return Err(Error::InFlight);
        }
        Ok(InFlightGuard {
            keys: self.clone(),
            key: key.clone(),
        })
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.keys
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

/// The right to do a thing for the first time: while it is kept, the same key is told to wait.
#[derive(Debug)]
pub struct Once<T>(Option<Keyed<T>>);

#[derive(Debug)]
struct Keyed<T> {
    idempotency: Idempotent<T>,
    guard: InFlightGuard,
}

/// What came of a request with a key, or without one.
#[derive(Debug)]
pub enum Entered<T> {
    First(Once<T>),
    Repeated(FirstAnswer),
}

/// What is asked for, and by which key it is done once; a draft alone is asked for without any.
#[derive(Debug)]
pub struct Order<'a, D, T> {
    pub(crate) draft: &'a D,
    pub(crate) once: Option<&'a Once<T>>,
}

impl<'a, D, T> From<&'a D> for Order<'a, D, T> {
    fn from(draft: &'a D) -> Self {
        Self { draft, once: None }
    }
}

impl<T> Once<T> {
    pub fn order<'a, D>(&'a self, draft: &'a D) -> Order<'a, D, T> {
        let once = Some(self);
        Order { draft, once }
    }

    /// What keeps the answer, for the change that makes `done`; nothing without a key.
    pub(crate) fn remember(&self, done: &T, at: Timestamp) -> Option<Write> {
        let Keyed { idempotency, guard } = self.0.as_ref()?;
        let answer = (idempotency.render)(done);
        Some(Write::Remember {
            key: guard.key.clone(),
            answer: Remembered {
                request_sha256: idempotency.request_sha256.clone(),
                status: answer.status,
                body: answer.body,
                created_at: at,
            },
        })
    }
}

impl Broker {
    /// Gives out the turn of a key, or its first answer.
    ///
    /// Refuses with [`Error::InFlight`] while the first request is not answered, and with
    /// [`Error::KeyReused`] where it asked for something else.
    pub async fn take_turn<T>(
        &self,
        caller: &Caller,
        idempotency: Option<Idempotent<T>>,
    ) -> Result<Entered<T>> {
        let Some(idempotency) = idempotency else {
            return Ok(Entered::First(Once(None)));
        };
        let key = IdempotencyKey {
            person: caller.person,
            key: idempotency.key.clone(),
        };
        let guard = self.inner.in_flight.enter(&key)?;
        let first = self.first_answer(&key, &idempotency.request_sha256).await?;
        Ok(match first {
            Some(first) => Entered::Repeated(first),
            None => Entered::First(Once(Some(Keyed { idempotency, guard }))),
        })
    }

    /// What to answer when the thing could not be made: that of another replica, if that was faster
    /// with the same key.
    pub async fn first_of_another<T>(&self, once: &Once<T>, error: Error) -> Result<FirstAnswer> {
        let behind = matches!(
            error,
            Error::Contended | Error::AlreadySo(_) | Error::NotWaiting(_)
        );
        let Some(keyed) = once.0.as_ref().filter(|_| behind) else {
            return Err(error);
        };
        let digest = &keyed.idempotency.request_sha256;
        let first = self.first_answer(&keyed.guard.key, digest).await?;
        first.ok_or(error)
    }

    async fn first_answer(
        &self,
        key: &IdempotencyKey,
        digest: &str,
    ) -> Result<Option<FirstAnswer>> {
        match self.inner.store.find_remembered(key).await? {
            Some(first) if first.request_sha256 != digest => Err(Error::KeyReused),
            Some(first) => Ok(Some(FirstAnswer {
                status: first.status,
                body: first.body,
            })),
            None => Ok(None),
        }
    }
}
