use std::time::Duration;

use async_trait::async_trait;

use super::recent::Recent;
use super::{AccountError, AccountMap, AccountQuestion, Mapping};

/// Remembers for a while under which account another mapping lets a job run. A refusal is asked for
/// again: whoever has done what it says must not wait.
#[derive(Debug)]
pub struct Cached<M> {
    inner: M,
    known: Recent<AccountQuestion, Mapping>,
}

impl<M: AccountMap> Cached<M> {
    pub fn new(inner: M, lasts: Duration) -> Self {
        Self {
            inner,
            known: Recent::new(lasts),
        }
    }
}

#[async_trait]
impl<M: AccountMap> AccountMap for Cached<M> {
    async fn account(&self, question: &AccountQuestion) -> Result<Mapping, AccountError> {
        if let Some(mapping) = self.known.find(question) {
            return Ok(mapping);
        }
        let mapping = self.inner.account(question).await?;
        self.known.keep(question.clone(), mapping.clone());
        Ok(mapping)
    }
}
