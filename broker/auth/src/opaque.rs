//! Tokens that are no JWT: only their issuer knows what they are, and it is asked sparingly.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use tokio::sync::{MutexGuard, Semaphore};
use tokio::time::timeout;

use crate::authenticator::TokenDigest;
use crate::claims::Claims;
use crate::issuer::Issuer;
use crate::turns::Turns;
use crate::{AuthError, Endpoint};

/// A refusal is final, but remembering it longer would only hold memory.
const REFUSED: Duration = Duration::from_secs(10);
/// Longer than anything that goes on with one token without a pause.
const END_KNOWN: Duration = Duration::from_hours(1);
/// Questions under way at once: a flood of made-up tokens must not reach the issuers as one.
const AT_ONCE: usize = 16;
/// How long a token waits for its question to be asked.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Opaque {
    refused: Cache<TokenDigest, Arc<AuthError>>,
    /// When tokens end that were good, so that an issuer that is away keeps none of them alive.
    ends: Cache<TokenDigest, Timestamp>,
    turns: Turns,
    asking: Semaphore,
}

impl Opaque {
    pub(crate) fn new(entries: u64) -> Self {
        let bounded = || Cache::builder().max_capacity(entries);
        Self {
            refused: bounded().time_to_live(REFUSED).build(),
            ends: Cache::builder()
                .max_capacity(entries)
                .time_to_idle(END_KNOWN)
                .build(),
            turns: Turns::new(),
            asking: Semaphore::new(AT_ONCE),
        }
    }

    /// What is known of a token without asking: it was refused just now, or has ended.
    pub(crate) fn check(&self, digest: &TokenDigest, now: Timestamp) -> Result<(), AuthError> {
        if let Some(refused) = self.refused.get(digest).and_then(|error| error.again()) {
            return Err(refused);
        }
        match self.ends.get(digest) {
            Some(end) if end <= now => Err(AuthError::Expired),
            _ => Ok(()),
        }
    }

    pub(crate) async fn turn(&self, digest: &TokenDigest) -> Option<MutexGuard<'_, ()>> {
        self.turns.take(digest).await
    }

    /// An opaque token does not say whose it is: every issuer that takes such is asked.
    pub(crate) async fn ask<'a>(
        &self,
        issuers: &'a [Arc<Issuer>],
        token: &str,
        digest: &TokenDigest,
    ) -> Result<(&'a Arc<Issuer>, Claims), AuthError> {
        let asking = timeout(PATIENCE, self.asking.acquire()).await;
        let _permit = asking.map_err(|_| AuthError::Busy)?;
        let mut outcome = AuthError::OpaqueNotAccepted;
        for issuer in asked(issuers) {
            match issuer.introspect(token).await {
                Ok(answer) => {
                    self.note_end(digest, issuer, answer.expires);
                    return Ok((issuer, answer.claims));
                }
                // One issuer that is away leaves the question open, whatever the others say.
                Err(_) if outcome.is_unavailable() => {}
                Err(error) => outcome = error,
            }
        }
        if let Some(refused) = outcome.again() {
            self.refused.insert(*digest, Arc::new(refused));
        }
        Err(outcome)
    }

    fn note_end(&self, digest: &TokenDigest, issuer: &Issuer, expires: Option<Timestamp>) {
        let leeway = SignedDuration::from_secs(issuer.config.leeway_seconds.into());
        if let Some(end) = expires.and_then(|expires| expires.checked_add(leeway).ok()) {
            self.ends.insert(*digest, end);
        }
    }
}

/// The issuer to name when none of those that could be asked answers at the moment.
pub(crate) fn all_away(issuers: &[Arc<Issuer>]) -> Option<AuthError> {
    let mut away = asked(issuers).map(|issuer| issuer.http.away(Endpoint::Introspection));
    let first = away.next()??;
    away.all(|error| error.is_some()).then_some(first)
}

fn asked(issuers: &[Arc<Issuer>]) -> impl Iterator<Item = &Arc<Issuer>> {
    issuers
        .iter()
        .filter(|issuer| issuer.config.introspection.is_some())
}
