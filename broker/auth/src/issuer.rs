use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use broker_model::Clock;
use jiff::SignedDuration;
use moka::sync::Cache;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::claims::Claims;
use crate::fresh::{Fresh, Rhythm};
use crate::http::Http;
use crate::jwks::KeySet;
use crate::jwt::{self, Header};
use crate::userinfo::UserinfoCache;
use crate::{
    AuthError, ConfigError, Endpoint, IssuerConfig, IssuerMetadata, Secret, SigningAlgorithm,
};

/// Sign-ins whose end is remembered; each costs its person two redirects.
const ANSWERED: u64 = 100_000;

/// One issuer with all that is remembered of it, shared by bearer checks and portal logins.
pub(crate) struct Issuer {
    pub(crate) config: IssuerConfig,
    pub(crate) http: Http,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) portal_secret: Option<Secret>,
    pub(crate) introspection_secret: Option<Secret>,
    pub(crate) userinfo: UserinfoCache,
    /// States of sign-ins that were brought back.
    answered: Cache<[u8; 32], ()>,
    metadata: Fresh<IssuerMetadata>,
    /// Counts the generation up when a key goes away, so that tokens it signed are looked at again.
    keys: Fresh<KeySet>,
}

impl Issuer {
    pub(crate) fn new(
        config: IssuerConfig,
        clock: Arc<dyn Clock>,
        generation: Arc<AtomicU64>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let rhythm = Rhythm {
            max_age: SignedDuration::from_secs(config.limits.jwks_max_age_seconds.into()),
            min_interval: SignedDuration::from_secs(config.limits.jwks_min_refresh_seconds.into()),
        };
        let issuer = config.issuer.as_str();
        Ok(Self {
            http: Http::new(issuer, &config.limits, &clock)?,
            metadata: Fresh::new(issuer, Endpoint::Discovery, Arc::clone(&clock), rhythm),
            keys: Fresh::new(issuer, Endpoint::Keys, Arc::clone(&clock), rhythm)
                .counting(generation, KeySet::lost_one_of),
            portal_secret: config.portal_secret()?,
            introspection_secret: config.introspection_secret()?,
            userinfo: UserinfoCache::new(Arc::clone(&clock), &config.limits),
            answered: Cache::builder()
                .max_capacity(ANSWERED)
                .time_to_live(crate::rp::LOGIN_LIMIT.unsigned_abs())
                .build(),
            clock,
            config,
        })
    }

    /// Whether the sign-in with this state was not ended before, at this replica.
    pub(crate) fn is_first_answer(&self, state: &str) -> bool {
        let digest = <[u8; 32]>::from(Sha256::digest(state));
        self.answered.entry(digest).or_insert(()).is_fresh()
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<IssuerMetadata>, AuthError> {
        self.metadata
            .current(|| IssuerMetadata::discover(&self.http, &self.config.issuer))
            .await
    }

    /// The key set that holds `kid`, asked for anew if need be and not too soon after the last time.
    pub(crate) async fn keys_for(&self, kid: Option<&str>) -> Result<Arc<KeySet>, AuthError> {
        let keys = self.keys.current(|| self.fetch_keys()).await?;
        if keys.knows(kid) {
            return Ok(keys);
        }
        let newer = self.keys.newer(&keys, || self.fetch_keys()).await?;
        newer
            .filter(|keys| keys.knows(kid))
            .ok_or(AuthError::UnknownKey)
    }

    /// Checks an access token (RFC 9068) without asking anyone, once the keys are here.
    pub(crate) async fn verify_access_token(
        &self,
        token: &str,
        header: &Header,
    ) -> Result<Claims, AuthError> {
        let alg = header.allowed(&self.config)?;
        if !header.is_of_type(&self.config.access_token_types) {
            return Err(AuthError::NotAnAccessToken);
        }
        let claims = self.verify_signature(token, header, alg).await?;
        jwt::check(&claims, &self.config, self.clock.now())?;
        Ok(claims)
    }

    pub(crate) async fn verify_signature(
        &self,
        token: &str,
        header: &Header,
        alg: SigningAlgorithm,
    ) -> Result<Claims, AuthError> {
        let keys = self.keys_for(header.kid.as_deref()).await?;
        jwt::verify(token, header, alg, &keys)
    }

    /// Adds what only userinfo says; `false` when it could not be asked now.
    ///
    /// Whoever the issuer says less about may do less, never more, so a failure here is no
    /// reason to turn a verified token away.
    pub(crate) async fn complete(&self, claims: &mut Claims, token: &str) -> bool {
        if !claims.lack(&self.config.claims) || !may_ask_userinfo(claims) {
            return true;
        }
        let Some(subject) = claims.text("sub").map(str::to_owned) else {
            return true;
        };
        let scope = claims.text("scope").unwrap_or_default().to_owned();
        match self.userinfo_of(&subject, &scope, token).await {
            Ok(userinfo) => {
                claims.fill_from(&userinfo, &self.config.claims);
                true
            }
            // Refused: this token is not for userinfo, as tokens for one API often are not.
            Err(
                AuthError::NotOffered { .. }
                | AuthError::IssuerRefused {
                    status: 400..=403, ..
                },
            ) => true,
            Err(error) => {
                tracing::warn!(issuer = %self.config.issuer, error.code = error.code(), "userinfo could not be asked");
                false
            }
        }
    }

    async fn userinfo_of(
        &self,
        subject: &str,
        scope: &str,
        token: &str,
    ) -> Result<Arc<Claims>, AuthError> {
        // Before the queue of those who wait for an answer: there will be none.
        if let Some(away) = self.http.away(Endpoint::Userinfo) {
            return self.userinfo.while_away(subject, scope).ok_or(away);
        }
        self.userinfo
            .claims(subject, scope, || self.ask_userinfo(subject, token))
            .await
    }

    /// What userinfo says now of the subject, which it must name (OpenID Connect Core 5.3.2).
    pub(crate) async fn ask_userinfo(
        &self,
        subject: &str,
        token: &str,
    ) -> Result<Claims, AuthError> {
        let endpoint = Endpoint::Userinfo;
        let metadata = self.metadata().await?;
        let Some(url) = metadata.userinfo_endpoint.clone() else {
            return Err(self.not_offered(endpoint));
        };
        let request = self.http.client().get(url).bearer_auth(token);
        let answer: Map<String, Value> = self.http.json(endpoint, request).await?;
        let claims = Claims::new(answer);
        if claims.text("sub") != Some(subject) {
            return Err(self.http.unusable(endpoint, "it speaks of another subject"));
        }
        Ok(claims)
    }

    pub(crate) fn not_offered(&self, endpoint: Endpoint) -> AuthError {
        AuthError::NotOffered {
            issuer: self.config.issuer.clone(),
            endpoint,
        }
    }

    async fn fetch_keys(&self) -> Result<KeySet, AuthError> {
        let metadata = self.metadata().await?;
        let request = self.http.client().get(metadata.jwks_uri.clone());
        let published: Value = self.http.json(Endpoint::Keys, request).await?;
        KeySet::parse(published)
            .ok_or_else(|| self.http.unusable(Endpoint::Keys, "it is no JWK set"))
    }
}

/// Userinfo answers tokens with the scope `openid` only; a token of a program speaks of no person.
fn may_ask_userinfo(claims: &Claims) -> bool {
    let scope_allows = claims
        .text("scope")
        .is_none_or(|scope| scope.split(' ').any(|scope| scope == "openid"));
    let is_program = claims
        .text("client_id")
        .is_some_and(|id| Some(id) == claims.text("sub"));
    scope_allows && !is_program
}
