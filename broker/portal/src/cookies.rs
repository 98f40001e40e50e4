//! The portal's two cookies: the session's, opaque, and that of a sign-in under way, encrypted.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use axum::http::header::{COOKIE, HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_auth::PendingLogin;
use sha2::{Digest, Sha256};

use crate::Portal;

const SESSION_SECONDS: u32 = 8 * 3600;
const LOGIN_SECONDS: u32 = 10 * 60;

/// Encrypts what a browser keeps while its person is at the issuer, and what a session keeps.
pub(crate) struct LoginKey(RandomizedNonceKey);

impl LoginKey {
    pub(crate) fn random() -> Self {
        Self::from_bytes(&random())
    }

    #[expect(clippy::expect_used, reason = "32 bytes are a key of AES-256")]
    pub(crate) fn from_bytes(key: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, key).expect("a key of the right length"))
    }

    /// Of what is kept with a session: only who has its token can open it.
    fn of_session(token: &str) -> Self {
        let digest = Sha256::new()
            .chain_update("sealed\0")
            .chain_update(token)
            .finalize();
        Self::from_bytes(&digest.into())
    }

    fn seal(&self, mut bytes: Vec<u8>) -> Option<String> {
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::empty(), &mut bytes)
            .ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut bytes);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginKey(…)")
    }
}

/// 256 bits from the system.
#[expect(
    clippy::expect_used,
    reason = "without randomness no secret may be made"
)]
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

pub(crate) fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random())
}

/// Seals a text for the holder of a session's token.
pub(crate) fn seal_for(session_token: &str, text: &str) -> Option<String> {
    LoginKey::of_session(session_token).seal(text.as_bytes().to_vec())
}

pub(crate) fn open_for(session_token: &str, sealed: &str) -> Option<String> {
    String::from_utf8(LoginKey::of_session(session_token).open(sealed)?).ok()
}

/// What a session's forms carry: made from its cookie, which no other site can read.
pub(crate) fn form_token(session_token: &str) -> String {
    let digest = Sha256::new()
        .chain_update("form\0")
        .chain_update(session_token)
        .finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

impl Portal {
    /// The value of the session cookie, whoever it belongs to.
    pub(crate) fn session_token<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        find(headers, &self.cookie_name(""))
    }

    pub(crate) fn pending_login(&self, headers: &HeaderMap) -> Option<PendingLogin> {
        let sealed = find(headers, &self.cookie_name("-login"))?;
        serde_json::from_slice(&self.login_key.open(sealed)?).ok()
    }

    pub(crate) fn session_cookie(&self, token: &str) -> Option<HeaderValue> {
        self.cookie("", token, SESSION_SECONDS)
    }

    pub(crate) fn login_cookie(&self, pending: &PendingLogin) -> Option<HeaderValue> {
        let sealed = self.login_key.seal(serde_json::to_vec(pending).ok()?)?;
        self.cookie("-login", &sealed, LOGIN_SECONDS)
    }

    pub(crate) fn no_session_cookie(&self) -> Option<HeaderValue> {
        self.cookie("", "", 0)
    }

    pub(crate) fn no_login_cookie(&self) -> Option<HeaderValue> {
        self.cookie("-login", "", 0)
    }

    /// With the prefix no neighbour on another subdomain can set it (RFC 6265bis, 4.1.3.2).
    fn cookie_name(&self, which: &str) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}alcyone{which}")
    }

    fn cookie(&self, which: &str, value: &str, seconds: u32) -> Option<HeaderValue> {
        let secure = if self.is_https() { "; Secure" } else { "" };
        let name = self.cookie_name(which);
        let text =
            format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = values
        .flat_map(|value| value.split(';'))
        .filter_map(|it| it.split_once('='));
    pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_only_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; not-alcyone=2"));
        headers.append(COOKIE, HeaderValue::from_static("alcyone=3"));
        assert_eq!(find(&headers, "alcyone"), Some("3"));
        assert_eq!(find(&headers, "lcyone"), None);
    }

    #[test]
    fn what_is_sealed_for_a_session_opens_with_its_token_only() {
        let sealed = seal_for("a", "the ID token").unwrap();
        assert!(!sealed.contains("ID token"));
        assert_eq!(open_for("a", &sealed).as_deref(), Some("the ID token"));
        assert_eq!(open_for("b", &sealed), None);
        assert_eq!(open_for("a", "kept in clear by an older version"), None);
    }

    #[test]
    fn form_tokens_differ_by_session_and_are_not_the_stored_digest() {
        assert_ne!(form_token("a"), form_token("b"));
        assert_ne!(form_token("a"), URL_SAFE_NO_PAD.encode(Sha256::digest("a")));
    }
}
