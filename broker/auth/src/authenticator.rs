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
use crate::opaque::{self, Opaque};
use crate::revocations::Revocations;
use crate::{AuthError, ConfigError, IssuerConfig, IssuerMetadata, RelyingParty, Revoked};

/// RFC 9068 tokens with long entitlement lists stay below; anything larger is no token.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// A principal made without userinfo, because that was away, is made again this soon.
const INCOMPLETE: SignedDuration = SignedDuration::from_secs(5);

pub(crate) type TokenDigest = [u8; 32];

/// Turns bearer tokens into principals. Cheap to ask again: a token is verified once a minute.
pub struct Authenticator {
    issuers: Vec<Arc<Issuer>>,
    clock: Arc<dyn Clock>,
    verified: Cache<TokenDigest, Verified>,
    revocations: Revocations,
    opaque: Opaque,
    /// What was verified under an older number is verified again.
    generation: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Verified {
    principal: Arc<Principal>,
    /// By our clock, at the earliest.
    issued: Option<Timestamp>,
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
            verified: Cache::builder()
                .max_capacity(entries)
                .time_to_live(Duration::from_secs(seconds))
                .build(),
            revocations: Revocations::default(),
            opaque: Opaque::new(entries),
            generation,
        })
    }

    /// Who sent this token. Never asks the network for a JWT whose key and profile are known.
    pub async fn bearer(&self, token: &str) -> Result<Arc<Principal>, AuthError> {
        let digest = Sha256::digest(token).into();
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(known) = self.remembered(&digest, generation) {
            return known;
        }
        check_shape(token)?;
        let Some(header) = Header::of(token) else {
            return self.opaque_bearer(token, digest, generation).await;
        };
        let issuer = self.issuer(&jwt::claimed_issuer(token)?)?;
        let claims = issuer.verify_access_token(token, &header).await?;
        self.accept(issuer, claims, token, digest, generation).await
    }

    /// Puts the revocations in force as they are stored now; those that are not among them count no
    /// longer. Holds for remembered tokens too, from the next request on.
    pub fn put_revocations(&self, all: impl IntoIterator<Item = Revoked>) {
        self.revocations.put(all);
    }

    /// The configured issuer that a token says it is from; nobody has vouched for that.
    pub fn issuer_named_in(&self, token: &str) -> Option<&str> {
        Header::of(token)?;
        let claimed = jwt::claimed_issuer(token).ok()?;
        let issuer = self.issuer(&claimed).ok()?;
        Some(&issuer.config.issuer)
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

    fn remembered(
        &self,
        digest: &TokenDigest,
        generation: u64,
    ) -> Option<Result<Arc<Principal>, AuthError>> {
        let known = self.verified.get(digest)?;
        let counts = known.generation == generation && self.clock.now() < known.until;
        counts.then(|| {
            self.check_revoked(&known.principal, known.issued)?;
            Ok(known.principal)
        })
    }

    async fn opaque_bearer(
        &self,
        token: &str,
        digest: TokenDigest,
        generation: u64,
    ) -> Result<Arc<Principal>, AuthError> {
        self.opaque.check(&digest, self.clock.now())?;
        if let Some(away) = opaque::all_away(&self.issuers) {
            return Err(away);
        }
        let _turn = self.opaque.turn(&digest).await;
        // Whoever went first may have learned it, the bad as well as the good.
        if let Some(known) = self.remembered(&digest, generation) {
            return known;
        }
        self.opaque.check(&digest, self.clock.now())?;
        let (issuer, claims) = self.opaque.ask(&self.issuers, token, &digest).await?;
        self.accept(issuer, claims, token, digest, generation).await
    }

    /// Makes the principal of a token that its issuer stands by, and remembers it.
    async fn accept(
        &self,
        issuer: &Issuer,
        mut claims: Claims,
        token: &str,
        digest: TokenDigest,
        generation: u64,
    ) -> Result<Arc<Principal>, AuthError> {
        if claims.has("cnf") {
            return Err(AuthError::SenderConstrained);
        }
        let complete = issuer.complete(&mut claims, token).await;
        let principal = Arc::new(claims.principal(&issuer.config)?);
        let verified = Verified {
            until: self.believed_until(issuer, &claims, complete),
            issued: claims
                .time("iat")
                .map(|at| by_our_clock(&issuer.config, at)),
            principal: Arc::clone(&principal),
            generation,
        };
        let revoked = self.check_revoked(&principal, verified.issued);
        self.verified.insert(digest, verified);
        revoked.map(|()| principal)
    }

    fn issuer(&self, name: &str) -> Result<&Arc<Issuer>, AuthError> {
        let mut issuers = self.issuers.iter();
        issuers
            .find(|issuer| issuer.config.issuer == name)
            .ok_or(AuthError::UnknownIssuer)
    }

    fn check_revoked(
        &self,
        principal: &Principal,
        given_at: Option<Timestamp>,
    ) -> Result<(), AuthError> {
        let (issuer, subject) = (&principal.issuer, &principal.subject);
        if self.revocations.covers(issuer, subject, given_at) {
            return Err(AuthError::Revoked);
        }
        Ok(())
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

/// When that was at the earliest: an issuer's clock may be ahead of ours by the leeway, and what it
/// issued just before a revocation would look newer.
fn by_our_clock(config: &IssuerConfig, at: Timestamp) -> Timestamp {
    let leeway = SignedDuration::from_secs(config.leeway_seconds.into());
    at.saturating_sub(leeway).unwrap_or(Timestamp::MIN)
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
