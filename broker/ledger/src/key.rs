//! Ed25519 keys of signed notes (C2SP `signed-note`): what signs, and the text form that auditors keep.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{self, DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Signature type of plain Ed25519 in `signed-note`.
const ED25519: u8 = 0x01;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the key name `{0}` is empty or holds a space, a control character or `+`; \
         take a name like `broker.example.org/ledger`"
    )]
    Name(String),
    #[error(
        "the PEM text is not an Ed25519 private key in PKCS#8; \
         make one with `openssl genpkey -algorithm ed25519`"
    )]
    Pem(#[source] pkcs8::Error),
    #[error("the private key cannot be written as PKCS#8")]
    Encoding(#[source] pkcs8::Error),
    #[error("a verifier key is written `name+hash+base64`, and this has no such parts")]
    Form,
    #[error("the key after the hash is not base64 of a type byte and 32 bytes of Ed25519 key")]
    Material,
    #[error("the hash in the verifier key is {written}, and its name and key give {computed}")]
    HashMismatch { written: String, computed: String },
}

/// A key with the name it signs under: the origin of the ledger.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(Self {
            name: checked_name(name)?,
            key: SigningKey::from_bytes(seed),
        })
    }

    /// Reads PKCS#8 PEM as `openssl genpkey -algorithm ed25519` writes it.
    pub fn from_pem(name: &str, pem: &str) -> Result<Self, KeyError> {
        Ok(Self {
            name: checked_name(name)?,
            key: SigningKey::from_pkcs8_pem(pem).map_err(KeyError::Pem)?,
        })
    }

    /// The secret itself, for the file it is kept in; wiped from memory when dropped.
    pub fn to_pem(&self) -> Result<impl Deref<Target = String>, KeyError> {
        self.key
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(KeyError::Encoding)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    pub(crate) fn sign(&self, text: &str) -> [u8; 64] {
        self.key.sign(text.as_bytes()).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A public key with its name; written `name+hash+base64`, as an auditor keeps it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name, newline, type byte, key).
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
        [a, b, c, d]
    }

    /// Strict verification: no second encoding of a signature passes (RFC 8032 and more).
    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .and_then(|signature| self.key.verify_strict(text.as_bytes(), &signature))
            .is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![ED25519];
        material.extend_from_slice(self.key.as_bytes());
        let id = hex::encode(self.id());
        write!(f, "{}+{id}+{}", self.name, STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(written), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Form);
        };
        let material = STANDARD.decode(encoded).map_err(|_| KeyError::Material)?;
        let Some((&ED25519, key)) = material.split_first() else {
            return Err(KeyError::Material);
        };
        let key = VerifyingKey::try_from(key).map_err(|_| KeyError::Material)?;
        // With a weak key one signature fits many texts.
        if key.is_weak() {
            return Err(KeyError::Material);
        }
        let key = Self {
            name: checked_name(name)?,
            key,
        };
        let computed = hex::encode(key.id());
        if computed != written {
            let written = written.to_owned();
            return Err(KeyError::HashMismatch { written, computed });
        }
        Ok(key)
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn checked_name(name: &str) -> Result<String, KeyError> {
    if is_key_name(name) {
        return Ok(name.to_owned());
    }
    Err(KeyError::Name(name.chars().take(80).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of Go's `golang.org/x/mod/sumdb/note`, which defined the form.
    const GO_EXAMPLE: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_key_written_by_the_go_implementation_is_read_and_printed_unchanged() {
        let key: VerifierKey = GO_EXAMPLE.parse().unwrap();
        assert_eq!(key.name(), "PeterNeumann");
        assert_eq!(key.to_string(), GO_EXAMPLE);
    }

    #[test]
    fn a_key_whose_name_hash_or_material_changed_is_refused() {
        for (from, to) in [
            ("PeterNeumann", "PeterNewmann"),
            ("c74f20a3", "c74f20a4"),
            ("c74f20a3", "C74F20A3"),
            ("10TW", "10TX"),
            ("+ARpc", "+BRpc"),
            ("PeterNeumann", ""),
            ("PeterNeumann", "Peter Neumann"),
        ] {
            let changed = GO_EXAMPLE.replace(from, to);
            assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
        }
    }

    #[test]
    fn a_key_comes_back_from_its_pem_and_shows_nothing_in_debug() {
        let signer = Signer::from_seed("example.org/ledger", &[7; 32]).unwrap();
        let pem = signer.to_pem().unwrap();
        let again = Signer::from_pem("example.org/ledger", &pem).unwrap();
        assert_eq!(again.verifier(), signer.verifier());
        assert_eq!(
            format!("{signer:?}"),
            "Signer { name: \"example.org/ledger\", .. }"
        );
    }

    #[test]
    fn a_pem_of_openssl_is_read() {
        // `openssl genpkey -algorithm ed25519`; RFC 8410 section 10.3 has this very key.
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let signer = Signer::from_pem("example.org/ledger", pem).unwrap();
        assert_eq!(
            hex::encode(signer.verifier().key.as_bytes()),
            "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
        );
    }
}
