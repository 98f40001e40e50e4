use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{AccountError, AccountMap, AccountQuestion, Mapping};

/// More than a site has projects and people; beyond it everything is asked again.
const MOST: usize = 20_000;

/// Remembers for a while under which account another mapping lets a job run. A refusal is asked for
/// again: whoever has done what it says must not wait.
#[derive(Debug)]
pub struct Cached<M> {
    inner: M,
    lasts: Duration,
    known: Mutex<HashMap<AccountQuestion, (Instant, Mapping)>>,
}

impl<M: AccountMap> Cached<M> {
    pub fn new(inner: M, lasts: Duration) -> Self {
        Self {
            inner,
            lasts,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AccountQuestion, (Instant, Mapping)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, question: &AccountQuestion, mapping: &Mapping) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (at, _)| at.elapsed() < self.lasts);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(question.clone(), (Instant::now(), mapping.clone()));
    }
}

#[async_trait]
impl<M: AccountMap> AccountMap for Cached<M> {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        let known = self.known().get(question).cloned();
        if let Some((at, mapping)) = known
            && at.elapsed() < self.lasts
        {
            return Ok(mapping);
        }
        let mapping = self.inner.account(question).await?;
        self.remember(question, &mapping);
        Ok(mapping)
    }
}
