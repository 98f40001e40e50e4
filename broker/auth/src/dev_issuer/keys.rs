use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// An ES256 key made at start: tokens of an earlier run are worth nothing.
pub(super) struct SigningKey {
    kid: String,
    signing: EncodingKey,
    checking: DecodingKey,
    published: Value,
}

impl SigningKey {
    pub(super) fn generate() -> Option<Self> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).ok()?;
        // An uncompressed point: 4, then x and y of 32 bytes each.
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(point.get(1..33)?), encode(point.get(33..65)?));
        let kid = encode(Sha256::digest(point).get(..9)?);
        Some(Self {
            signing: EncodingKey::from_ec_der(pkcs8.as_ref()),
            checking: DecodingKey::from_ec_components(&x, &y).ok()?,
            published: json!({
                "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y,
            }),
            kid,
        })
    }

    pub(super) fn published(&self) -> Value {
        json!({ "keys": [self.published] })
    }

    pub(super) fn sign(&self, typ: &str, claims: &Map<String, Value>) -> Option<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing).ok()
    }

    /// The claims of a token that this key signed, in time or not.
    pub(super) fn check(&self, token: &str) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let checked = jsonwebtoken::decode(token, &self.checking, &validation).ok()?;
        Some(checked.claims)
    }
}

/// A code nobody guesses, of 256 bits.
pub(super) fn secret_text() -> Option<String> {
    let mut bytes = [0; 32];
    OsRng.try_fill_bytes(&mut bytes).ok()?;
    Some(encode(&bytes))
}

/// A code people type (RFC 8628, 6.1): twenty consonants, so that no words come out.
pub(super) fn user_code() -> Option<String> {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        if code.len() == 4 {
            code.push('-');
        }
        let mut byte = [0; 1];
        OsRng.try_fill_bytes(&mut byte).ok()?;
        // 240 is the last multiple of 20: what lies above would favour some letters.
        let [byte] = byte;
        if byte < 240 {
            code.push(char::from(*LETTERS.get(usize::from(byte % 20))?));
        }
    }
    Some(code)
}

pub(super) fn s256(verifier: &str) -> String {
    encode(&Sha256::digest(verifier))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
