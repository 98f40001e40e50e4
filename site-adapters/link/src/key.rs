use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an Ed25519 key is 32 bytes, written as 43 characters of base64url")]
pub struct InvalidKey;

/// An Ed25519 public key; written in base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// What a message names the key by: the SHA-256 of it, in base64url.
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.0))
    }

    pub fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(text, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKey)?;
        bytes.try_into().map(Self).map_err(|_| InvalidKey)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A key that signs. Its secret is in no `Debug` output.
pub struct KeyPair {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyPair").field(&self.public).finish()
    }
}

impl Clone for KeyPair {
    fn clone(&self) -> Self {
        Self::from_seed(&self.seed)
    }
}

impl KeyPair {
    /// Every 32 bytes are a seed (RFC 8032, 5.1.5).
    #[expect(clippy::expect_used, reason = "the length is in the types")]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed");
        let public = pair.public_key().as_ref().try_into();
        Self {
            seed: *seed,
            public: PublicKey(public.expect("a public key has 32 bytes")),
            pair,
        }
    }

    /// A new one, out of the operating system's entropy.
    #[expect(
        clippy::expect_used,
        reason = "without entropy no program goes on safely"
    )]
    pub fn generate() -> Self {
        let mut seed = [0; 32];
        aws_lc_rs::rand::fill(&mut seed).expect("the system gives random bytes");
        Self::from_seed(&seed)
    }

    /// Reads the secret as [`secret`](Self::secret) writes it.
    pub fn from_secret(text: &str) -> Result<Self, InvalidKey> {
        let seed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKey)?;
        let seed: [u8; 32] = seed.try_into().map_err(|_| InvalidKey)?;
        Ok(Self::from_seed(&seed))
    }

    /// The secret itself, in base64url: for a file that only its owner reads, or for an invite.
    pub fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.seed)
    }

    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

/// 16 random bytes in base64url, for a message that must differ from every other.
#[expect(
    clippy::expect_used,
    reason = "without entropy no program goes on safely"
)]
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text_and_says_nothing_of_its_secret() {
        let pair = KeyPair::generate();
        let again = KeyPair::from_secret(&pair.secret()).unwrap();
        assert_eq!(again.public(), pair.public());
        assert_eq!(pair.public().to_string().parse(), Ok(*pair.public()));
        assert!(!format!("{pair:?}").contains(&pair.secret()));
        assert_eq!("short".parse::<PublicKey>(), Err(InvalidKey));
    }
}
