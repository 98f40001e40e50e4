use std::str::FromStr;

use chrono::DateTime;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet};
use openidconnect::{ClaimsVerificationError, ClientId, Nonce, SignatureVerificationError};
use serde::Deserialize;

use super::RelyingParty;
use crate::claims::Claims;
use crate::jwks::KeySet;
use crate::jwt::{self, Header};
use crate::{AuthError, Endpoint, Secret};

impl RelyingParty {
    /// The claims of an ID token that passed every check of OpenID Connect Core 3.1.3.7.
    pub(super) async fn verified_claims(
        &self,
        id_token: &Secret,
        nonce: &Secret,
    ) -> Result<Claims, AuthError> {
        let token = id_token.reveal();
        let header = self.header_of(token)?;
        let keys = self.issuer.keys_for(header.kid.as_deref()).await?;
        self.verified_by(&keys, token, nonce)
    }

    fn header_of(&self, token: &str) -> Result<Header, AuthError> {
        let header = Header::of(token).ok_or_else(|| self.no_token())?;
        header.allowed(&self.issuer.config)?;
        Ok(header)
    }

    fn no_token(&self) -> AuthError {
        let http = &self.issuer.http;
        http.unusable(Endpoint::Token, "its ID token is no JWT")
    }

    /// The same with keys that are here.
    pub(crate) fn verified_by(
        &self,
        keys: &KeySet,
        token: &str,
        nonce: &Secret,
    ) -> Result<Claims, AuthError> {
        self.header_of(token)?;
        let keys = CoreJsonWebKeySet::deserialize(keys.published()).map_err(|_| {
            self.issuer
                .http
                .unusable(Endpoint::Keys, "it is no JWK set")
        })?;
        let parsed = CoreIdToken::from_str(token).map_err(|_| self.no_token())?;
        let nonce = Nonce::new(nonce.reveal().to_owned());
        parsed
            .claims(&self.verifier(keys)?, &nonce)
            .map_err(|error| named(&error))?;
        let claims = jwt::verified_elsewhere(token).ok_or_else(|| self.no_token())?;
        jwt::check_times(&claims, &self.issuer.config, self.issuer.clock.now())?;
        Ok(claims)
    }

    fn verifier(&self, keys: CoreJsonWebKeySet) -> Result<CoreIdTokenVerifier<'_>, AuthError> {
        let client_id = ClientId::new(self.client()?.client_id.clone());
        let issuer = self.issuer_url()?;
        let verifier = match self.client_secret() {
            Some(secret) => {
                CoreIdTokenVerifier::new_confidential_client(client_id, secret, issuer, keys)
            }
            None => CoreIdTokenVerifier::new_public_client(client_id, issuer, keys),
        };
        let config = &self.issuer.config;
        let leeway = i64::from(config.leeway_seconds);
        // It knows no leeway, so it is told a time that much earlier.
        let now = self.issuer.clock.now().as_second().saturating_sub(leeway);
        let now = DateTime::from_timestamp(now, 0).unwrap_or(DateTime::UNIX_EPOCH);
        Ok(verifier
            .set_allowed_algs(config.algorithms.iter().map(|alg| alg.in_openidconnect()))
            .set_time_fn(move || now))
    }
}

/// The library's words quote the token, so only the kind is kept.
fn named(error: &ClaimsVerificationError) -> AuthError {
    use SignatureVerificationError::{
        AmbiguousKeyId, DisallowedAlg, NoMatchingKey, NoSignature, UnsupportedAlg,
    };
    match error {
        ClaimsVerificationError::Expired(_) => AuthError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => AuthError::WrongAudience,
        ClaimsVerificationError::InvalidIssuer(_) => AuthError::UnknownIssuer,
        ClaimsVerificationError::InvalidNonce(_) => AuthError::NonceMismatch,
        ClaimsVerificationError::SignatureVerification(
            DisallowedAlg(_) | UnsupportedAlg(_) | NoSignature,
        ) => AuthError::AlgorithmNotAllowed,
        ClaimsVerificationError::SignatureVerification(AmbiguousKeyId(_) | NoMatchingKey) => {
            AuthError::UnknownKey
        }
        ClaimsVerificationError::SignatureVerification(_) => AuthError::BadSignature,
        _ => AuthError::Malformed {
            reason: "its claims are not those of an ID token",
        },
    }
}
