//! Signed tokens (RFC 7515, 7519), checked offline.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::claims::Claims;
use crate::jwks::KeySet;
use crate::{AuthError, IssuerConfig, SigningAlgorithm};

/// The header of a token nobody has vouched for yet.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    #[serde(default)]
    pub(crate) kid: Option<String>,
    #[serde(default)]
    pub(crate) typ: Option<String>,
    #[serde(default)]
    crit: Option<Vec<String>>,
}

impl Header {
    /// `None` when the token is no JWS at all: then it is opaque.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let header = parts.next()?;
        (parts.count() == 2).then(|| decoded(header))?
    }

    /// The algorithm, if this issuer may use it.
    pub(crate) fn allowed(&self, config: &IssuerConfig) -> Result<SigningAlgorithm, AuthError> {
        if self.crit.is_some() {
            return Err(AuthError::Malformed {
                reason: "it names critical extensions, and none is known here",
            });
        }
        SigningAlgorithm::from_header(&self.alg)
            .filter(|alg| config.algorithms.contains(alg))
            .ok_or(AuthError::AlgorithmNotAllowed)
    }

    /// Compares `typ` as a media type: without case, `application/` left out (RFC 7515, 4.1.9).
    pub(crate) fn is_of_type(&self, wanted: &[String]) -> bool {
        let typ = self.typ.as_deref().unwrap_or("jwt").to_ascii_lowercase();
        let typ = typ.strip_prefix("application/").unwrap_or(&typ);
        wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(typ))
    }
}

/// The `iss` an unverified token claims, only to know whose keys to try.
pub(crate) fn claimed_issuer(token: &str) -> Result<String, AuthError> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
    }
    let claimed: Option<Claimed> = token.split('.').nth(1).and_then(decoded);
    claimed
        .map(|claimed| claimed.iss)
        .ok_or(AuthError::Malformed {
            reason: "it names no issuer",
        })
}

/// The claims of a token that another library has verified.
pub(crate) fn verified_elsewhere(token: &str) -> Option<Claims> {
    let claims: Map<String, Value> = decoded(token.split('.').nth(1)?)?;
    Some(Claims::new(claims))
}

/// Checks the signature against every key that may have made it.
pub(crate) fn verify(
    token: &str,
    header: &Header,
    alg: SigningAlgorithm,
    keys: &KeySet,
) -> Result<Claims, AuthError> {
    let validation = signature_only(alg);
    let mut outcome = Err(AuthError::AlgorithmNotAllowed);
    for key in keys.candidates(header.kid.as_deref(), alg) {
        match jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation) {
            Ok(decoded) => return Ok(Claims::new(decoded.claims)),
            Err(error) => outcome = Err(named(error.kind())),
        }
    }
    outcome
}

/// Issuer, audience and times, against our clock.
pub(crate) fn check(
    claims: &Claims,
    config: &IssuerConfig,
    now: Timestamp,
) -> Result<(), AuthError> {
    if claims.text("iss") != Some(config.issuer.as_str()) {
        return Err(AuthError::UnknownIssuer);
    }
    if !claims
        .texts("aud")
        .any(|aud| config.audiences.iter().any(|own| own == aud))
    {
        return Err(AuthError::WrongAudience);
    }
    check_times(claims, config, now)
}

pub(crate) fn check_times(
    claims: &Claims,
    config: &IssuerConfig,
    now: Timestamp,
) -> Result<(), AuthError> {
    let leeway = SignedDuration::from_secs(config.leeway_seconds.into());
    let Some(expires) = claims.time("exp") else {
        return Err(AuthError::Malformed {
            reason: "it has no expiry",
        });
    };
    if now.duration_since(expires) >= leeway {
        return Err(AuthError::Expired);
    }
    let starts = [claims.time("nbf"), claims.time("iat")];
    if starts
        .into_iter()
        .flatten()
        .any(|start| start.duration_since(now) > leeway)
    {
        return Err(AuthError::NotYetValid);
    }
    Ok(())
}

/// The library takes its time from the machine, so everything about time is checked by us.
fn signature_only(alg: SigningAlgorithm) -> Validation {
    let mut validation = Validation::new(alg.in_jsonwebtoken());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn named(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
            AuthError::AlgorithmNotAllowed
        }
        ErrorKind::InvalidToken
        | ErrorKind::Base64(_)
        | ErrorKind::Utf8(_)
        | ErrorKind::Json(_) => AuthError::Malformed {
            reason: "it is not a signed JSON object",
        },
        _ => AuthError::BadSignature,
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}
