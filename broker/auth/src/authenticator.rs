//! The resource server's half: who sent this bearer token?

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_model::{Clock, Principal};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use serde::Serialize;
use sha2::{Digest, Sha256};
use url::Url;

use crate::claims::Claims;
use crate::issuer::Issuer;
use crate::jwt::{self, Header};
use crate::revocations::Revocations;
use crate::turns::Turns;
use crate::{AuthError, ConfigError, IssuerConfig, IssuerMetadata, RelyingParty};

/// RFC 9068 tokens with long entitlement lists stay below; anything larger is no token.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// A principal made without userinfo, because that was away, is made again this soon.
const INCOMPLETE: SignedDuration = SignedDuration::from_secs(5);
/// An issuer's "not active" is final, but remembering it longer would only hold memory.
const REFUSED: Duration = Duration::from_secs(10);

type TokenDigest = [u8; 32];

/// Turns bearer tokens into principals. Cheap to ask again: a token is verified once a minute.
pub struct Authenticator {
    issuers: Vec<Arc<Issuer>>,
    clock: Arc<dyn Clock>,
    verified: Cache<TokenDigest, Verified>,
    refused: Cache<TokenDigest, ()>,
    revocations: Revocations,
    /// Opaque tokens on their way to be asked about.
    turns: Turns,
    /// What was verified under an older number is verified again.
    generation: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    until: Timestamp,
    generation: u64,
}

/// Where and as whom a command-line client signs in (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceSignIn {
    pub issuer: String,
    pub name: String,
    pub client_id: String,
    pub scopes: Vec<String>,
    /// To be sent as `resource` (RFC 8707), so that the token is meant for this broker.
    pub resource: Option<String>,
}

impl Authenticator {
    /// Checks the configuration and reads its secrets. No issuer is asked anything yet.
    pub fn new(issuers: Vec<IssuerConfig>, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        check_set(&issuers)?;
        let limits = |of: fn(&IssuerConfig) -> u64| issuers.iter().map(of).max().unwrap_or(0);
        let entries = limits(|issuer| issuer.limits.token_cache_entries);
        let seconds = limits(|issuer| issuer.limits.token_cache_seconds.into());
        let generation = Arc::new(AtomicU64::new(0));
        let made = issuers.into_iter().map(|config| {
            Issuer::new(config, Arc::clone(&clock), Arc::clone(&generation)).map(Arc::new)
        });
        Ok(Self {
            issuers: made.collect::<Result<_, _>>()?,
            clock,
            verified: bounded(entries, Duration::from_secs(seconds)),
            refused: bounded(entries, REFUSED),
            revocations: Revocations::default(),
            turns: Turns::new(),
            generation,
        })
    }

    /// Who sent this token. Never asks the network for a JWT whose key and profile are known.
    pub async fn bearer(&self, token: &str) -> Result<Arc<Principal>, AuthError> {
        let digest = Sha256::digest(token).into();
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(principal) = self.remembered(&digest, generation) {
            return Ok(principal);
        }
        check_shape(token)?;
        let header = Header::of(token);
        let mut _turn = None;
        if header.is_none() {
            _turn = self.turns.take(&digest).await;
            if let Some(principal) = self.remembered(&digest, generation) {
                return Ok(principal);
            }
        }
        let (issuer, mut claims) = self.verify(token, header, &digest).await?;
        if claims.has("cnf") {
            return Err(AuthError::SenderConstrained);
        }
        let complete = issuer.complete(&mut claims, token).await;
        let principal = Arc::new(claims.principal(&issuer.config)?);
        if self.is_revoked(&principal, claims.time("iat")) {
            return Err(AuthError::Revoked);
        }
        let verified = Verified {
            until: self.believed_until(issuer, &claims, complete),
            principal: Arc::clone(&principal),
            generation,
        };
        self.verified.insert(digest, verified);
        Ok(principal)
    }

    /// Refuses from now on every token that this subject was given until now.
    ///
    /// Counts in this process: with several replicas, and after a restart, tell each of them.
    /// A new sign-in counts again.
    pub fn revoke_subject(&self, issuer: &str, subject: &str) {
        self.revocations.add(issuer, subject, self.clock.now());
        self.clear();
    }

    /// Forgets every verified token and every userinfo answer; the next request asks anew.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.verified.invalidate_all();
        for issuer in &self.issuers {
            issuer.userinfo.clear();
        }
    }

    /// The issuers a command-line client may sign in with, in the order of the configuration.
    pub fn device_sign_ins(&self) -> Vec<DeviceSignIn> {
        let configs = self.issuers.iter().map(|issuer| &issuer.config);
        configs.filter_map(DeviceSignIn::of).collect()
    }

    /// The issuers people may sign in to the portal with: id and the name to show.
    pub fn portal_issuers(&self) -> Vec<(String, String)> {
        let configs = self.issuers.iter().map(|issuer| &issuer.config);
        configs
            .filter(|config| config.portal.is_some())
            .map(|config| (config.issuer.clone(), config.display_name().to_owned()))
            .collect()
    }

    /// What the issuer says of itself; asked for when it was never heard.
    pub async fn metadata(&self, issuer: &str) -> Result<Arc<IssuerMetadata>, AuthError> {
        self.issuer(issuer)?.metadata().await
    }

    /// How many of the issuer's signing keys can be used; they are fetched unless they are here.
    pub async fn signing_keys(&self, issuer: &str) -> Result<usize, AuthError> {
        let keys = self.issuer(issuer)?.keys_for(None).await?;
        Ok(keys.count())
    }

    /// The portal's half of the same issuer, sharing its keys and caches.
    ///
    /// `callback` is registered at the issuer to the letter.
    pub fn relying_party(&self, issuer: &str, callback: Url) -> Result<RelyingParty, AuthError> {
        RelyingParty::new(Arc::clone(self.issuer(issuer)?), callback)
    }

    fn remembered(&self, digest: &TokenDigest, generation: u64) -> Option<Arc<Principal>> {
        let verified = self.verified.get(digest)?;
        let counts = verified.generation == generation && self.clock.now() < verified.until;
        counts.then_some(verified.principal)
    }

    async fn verify(
        &self,
        token: &str,
        header: Option<Header>,
        digest: &TokenDigest,
    ) -> Result<(&Arc<Issuer>, Claims), AuthError> {
        let Some(header) = header else {
            return self.ask_about(token, digest).await;
        };
        let issuer = self.issuer(&jwt::claimed_issuer(token)?)?;
        let claims = issuer.verify_access_token(token, &header).await?;
        Ok((issuer, claims))
    }

    /// An opaque token does not say whose it is: every issuer that takes such is asked.
    async fn ask_about(
        &self,
        token: &str,
        digest: &TokenDigest,
    ) -> Result<(&Arc<Issuer>, Claims), AuthError> {
        if self.refused.contains_key(digest) {
            return Err(AuthError::Inactive);
        }
        let mut outcome = AuthError::OpaqueNotAccepted;
        for issuer in self
            .issuers
            .iter()
            .filter(|issuer| issuer.config.introspection.is_some())
        {
            match issuer.introspect(token).await {
                Ok(claims) => return Ok((issuer, claims)),
                // One issuer that is away leaves the question open, whatever the others say.
                Err(_) if outcome.is_unavailable() => {}
                Err(error) => outcome = error,
            }
        }
        if matches!(outcome, AuthError::Inactive) {
            self.refused.insert(*digest, ());
        }
        Err(outcome)
    }

    fn issuer(&self, name: &str) -> Result<&Arc<Issuer>, AuthError> {
        let mut issuers = self.issuers.iter();
        issuers
            .find(|issuer| issuer.config.issuer == name)
            .ok_or(AuthError::UnknownIssuer)
    }

    fn is_revoked(&self, principal: &Principal, issued: Option<Timestamp>) -> bool {
        self.revocations
            .covers(&principal.issuer, &principal.subject, issued)
    }

    /// Never beyond the token's own expiry, leeway or not.
    fn believed_until(&self, issuer: &Issuer, claims: &Claims, complete: bool) -> Timestamp {
        let most = SignedDuration::from_secs(issuer.config.limits.token_cache_seconds.into());
        let span = if complete { most } else { most.min(INCOMPLETE) };
        let until = self
            .clock
            .now()
            .saturating_add(span)
            .unwrap_or(Timestamp::MIN);
        claims
            .time("exp")
            .map_or(until, |expires| expires.min(until))
    }
}

impl DeviceSignIn {
    fn of(config: &IssuerConfig) -> Option<Self> {
        let device = config.device.as_ref()?;
        Some(Self {
            issuer: config.issuer.clone(),
            name: config.display_name().to_owned(),
            client_id: device.client_id.clone(),
            scopes: device.scopes.clone(),
            resource: config.resource.clone(),
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.issuers.iter().map(|issuer| &issuer.config.issuer);
        f.debug_list().entries(issuers).finish()
    }
}

fn check_set(issuers: &[IssuerConfig]) -> Result<(), ConfigError> {
    if issuers.is_empty() {
        return Err(ConfigError::NoIssuer);
    }
    for (at, config) in issuers.iter().enumerate() {
        if issuers
            .iter()
            .skip(at + 1)
            .any(|other| other.issuer == config.issuer)
        {
            return Err(ConfigError::IssuerTwice {
                issuer: config.issuer.clone(),
            });
        }
    }
    Ok(())
}

/// The alphabet of RFC 6750, 2.1: nothing else is a token, so nothing else is sent anywhere.
fn check_shape(token: &str) -> Result<(), AuthError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(fits) {
        return Err(AuthError::Malformed {
            reason: "it holds characters that no token has",
        });
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::Malformed {
            reason: "it is longer than 16 KiB",
        });
    }
    Ok(())
}

fn bounded<V: Clone + Send + Sync + 'static>(
    entries: u64,
    live: Duration,
) -> Cache<TokenDigest, V> {
    Cache::builder()
        .max_capacity(entries)
        .time_to_live(live)
        .build()
}
