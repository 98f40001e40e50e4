//! What an issuer says of a person beyond the token, kept for a bounded time.

use std::sync::Arc;

use broker_model::Clock;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;

use crate::claims::Claims;
use crate::turns::Turns;
use crate::{AuthError, Limits};

const ENTRIES: u64 = 10_000;

/// Answers by subject and by what the token may see: a token of few scopes must not be shown
/// what another token of the same person was.
pub(crate) struct UserinfoCache {
    clock: Arc<dyn Clock>,
    fresh: SignedDuration,
    grace: SignedDuration,
    answers: Cache<(String, String), Answer>,
    turns: Turns,
}

#[derive(Clone)]
struct Answer {
    claims: Arc<Claims>,
    at: Timestamp,
}

impl UserinfoCache {
    pub(crate) fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        let seconds = |count: u32| SignedDuration::from_secs(count.into());
        Self {
            clock,
            fresh: seconds(limits.userinfo_seconds),
            grace: seconds(limits.userinfo_grace_seconds),
            answers: Cache::new(ENTRIES),
            turns: Turns::new(),
        }
    }

    /// The answer that counts while the issuer cannot be asked.
    pub(crate) fn while_away(&self, subject: &str, scope: &str) -> Option<Arc<Claims>> {
        let key = (subject.to_owned(), scope.to_owned());
        self.held(&key, self.fresh.saturating_add(self.grace))
    }

    /// Returns the held answer, or the one `ask` brings.
    ///
    /// An issuer that is away leaves the older answer in force for the grace period.
    pub(crate) async fn claims<F>(
        &self,
        subject: &str,
        scope: &str,
        ask: impl FnOnce() -> F,
    ) -> Result<Arc<Claims>, AuthError>
    where
        F: Future<Output = Result<Claims, AuthError>>,
    {
        let key = (subject.to_owned(), scope.to_owned());
        if let Some(held) = self.held(&key, self.fresh) {
            return Ok(held);
        }
        let _turn = self.turns.take(&key).await;
        if let Some(held) = self.held(&key, self.fresh) {
            return Ok(held);
        }
        match ask().await {
            Ok(claims) => Ok(self.keep(key, claims)),
            Err(error) if matches!(error, AuthError::IssuerUnreachable { .. }) => {
                let grace = self.fresh.saturating_add(self.grace);
                self.held(&key, grace).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    fn held(&self, key: &(String, String), within: SignedDuration) -> Option<Arc<Claims>> {
        let answer = self.answers.get(key)?;
        (self.clock.now().duration_since(answer.at) < within).then_some(answer.claims)
    }

    fn keep(&self, key: (String, String), claims: Claims) -> Arc<Claims> {
        let claims = Arc::new(claims);
        let answer = Answer {
            claims: Arc::clone(&claims),
            at: self.clock.now(),
        };
        self.answers.insert(key, answer);
        claims
    }
}
