use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{AccountError, AccountMap, AccountQuestion, Mapping};

type Answer = Result<Mapping, AccountError>;

/// More than a site has projects and people; beyond it everything is asked again.
const MOST: usize = 20_000;

/// Remembers the answers of another mapping for a while. No answer is not one: it is asked for again.
#[derive(Debug)]
pub struct Cached<M> {
    inner: M,
    lasts: Duration,
    known: Mutex<HashMap<AccountQuestion, (Instant, Answer)>>,
}

impl<M: AccountMap> Cached<M> {
    pub fn new(inner: M, lasts: Duration) -> Self {
        Self {
            inner,
            lasts,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<AccountQuestion, (Instant, Answer)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, question: &AccountQuestion, answer: &Answer) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (at, _)| at.elapsed() < self.lasts);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(question.clone(), (Instant::now(), answer.clone()));
    }
}

#[async_trait]
impl<M: AccountMap> AccountMap for Cached<M> {
    async fn account(&self, question: &AccountQuestion) -> Answer {
        let known = self.known().get(question).cloned();
        if let Some((at, answer)) = known
            && at.elapsed() < self.lasts
        {
            return answer;
        }
        let answer = self.inner.account(question).await;
        if !matches!(answer, Err(AccountError::Unavailable(_))) {
            self.remember(question, &answer);
        }
        answer
    }
}
