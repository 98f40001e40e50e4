use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

use crate::SigningAlgorithm;

/// The keys an issuer signs with. What cannot be used (encryption, symmetric, unknown kinds) is
/// left out rather than refused: issuers publish more than we need.
#[derive(Debug)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    published: Value,
}

#[derive(Debug)]
pub(crate) struct Key {
    kid: Option<String>,
    alg: Option<SigningAlgorithm>,
    kind: KeyKind,
    pub(crate) decoding: DecodingKey,
    published: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517); `None` when it is none.
    pub(crate) fn parse(published: Value) -> Option<Self> {
        let set = Published::deserialize(&published).ok()?;
        let keys = set.keys.into_iter().filter_map(Key::parse).collect();
        Some(Self { keys, published })
    }

    /// The set as it was published, for libraries with their own types.
    pub(crate) fn published(&self) -> &Value {
        &self.published
    }

    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn knows(&self, kid: Option<&str>) -> bool {
        match kid {
            Some(_) => self.keys.iter().any(|key| key.kid.as_deref() == kid),
            None => !self.keys.is_empty(),
        }
    }

    /// The keys that may have made this signature: one by its id, or all that fit where the
    /// token names none.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        alg: SigningAlgorithm,
    ) -> impl Iterator<Item = &Key> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid.as_deref() == kid)
            .filter(move |key| key.fits(alg))
    }

    /// Whether a key that was there is gone, or is another one under the same id.
    pub(crate) fn lost_one_of(&self, older: &Self) -> bool {
        let is_here = |old: &Key| self.keys.iter().any(|new| new.published == old.published);
        !older.keys.iter().all(is_here)
    }
}

impl Key {
    fn parse(published: Value) -> Option<Self> {
        let alg = match published.get("alg") {
            None => None,
            Some(alg) => Some(SigningAlgorithm::from_header(alg.as_str()?)?),
        };
        let jwk: Jwk = serde_json::from_value(published.clone()).ok()?;
        let signs = matches!(
            jwk.common.public_key_use,
            None | Some(PublicKeyUse::Signature)
        );
        if !signs {
            return None;
        }
        Some(Self {
            kind: KeyKind::of(&jwk.algorithm)?,
            decoding: DecodingKey::from_jwk(&jwk).ok()?,
            kid: jwk.common.key_id,
            alg,
            published,
        })
    }

    fn fits(&self, alg: SigningAlgorithm) -> bool {
        self.kind == KeyKind::needed_by(alg) && self.alg.is_none_or(|own| own == alg)
    }
}

impl KeyKind {
    fn of(parameters: &AlgorithmParameters) -> Option<Self> {
        match parameters {
            AlgorithmParameters::RSA(_) => Some(Self::Rsa),
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => Some(Self::P256),
                EllipticCurve::P384 => Some(Self::P384),
                _ => None,
            },
            AlgorithmParameters::OctetKeyPair(key) => {
                (key.curve == EllipticCurve::Ed25519).then_some(Self::Ed25519)
            }
            _ => None,
        }
    }

    fn needed_by(alg: SigningAlgorithm) -> Self {
        use SigningAlgorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        match alg {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Self::Rsa,
            ES256 => Self::P256,
            ES384 => Self::P384,
            EdDSA => Self::Ed25519,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // The public key of RFC 7515, appendix A.3.
    fn p256(extra: &Value) -> Value {
        let mut key = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        key.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        key
    }

    fn count(keys: &Value, kid: Option<&str>, alg: SigningAlgorithm) -> usize {
        KeySet::parse(json!({ "keys": keys }))
            .unwrap()
            .candidates(kid, alg)
            .count()
    }

    #[test]
    fn a_key_serves_only_the_algorithm_and_curve_it_was_made_for() {
        let keys = json!([p256(&json!({ "kid": "a" }))]);
        assert_eq!(count(&keys, Some("a"), SigningAlgorithm::ES256), 1);
        assert_eq!(count(&keys, None, SigningAlgorithm::ES256), 1);
        assert_eq!(count(&keys, Some("a"), SigningAlgorithm::ES384), 0);
        assert_eq!(count(&keys, Some("a"), SigningAlgorithm::RS256), 0);
        assert_eq!(count(&keys, Some("b"), SigningAlgorithm::ES256), 0);
    }

    #[test]
    fn symmetric_encryption_and_foreign_keys_are_left_out() {
        let keys = json!([
            { "kty": "oct", "k": "c2VjcmV0", "kid": "a" },
            p256(&json!({ "kid": "b", "use": "enc" })),
            p256(&json!({ "kid": "c", "alg": "ECDH-ES" })),
            { "kty": "new-kind", "kid": "d" },
            "not a key",
        ]);
        assert_eq!(count(&keys, None, SigningAlgorithm::ES256), 0);
    }

    #[test]
    fn a_set_notices_when_a_key_is_gone() {
        let set = |kids: &[&str]| {
            let keys: Vec<Value> = kids
                .iter()
                .map(|kid| p256(&json!({ "kid": kid })))
                .collect();
            KeySet::parse(json!({ "keys": keys })).unwrap()
        };
        assert!(set(&["b"]).lost_one_of(&set(&["a", "b"])));
        assert!(!set(&["a", "b"]).lost_one_of(&set(&["a"])));
        let another = p256(&json!({ "kid": "a", "alg": "ES256" }));
        let another = KeySet::parse(json!({ "keys": [another] })).unwrap();
        assert!(another.lost_one_of(&set(&["a"])), "the id alone is no key");
    }
}
