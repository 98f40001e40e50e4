//! Browser sessions, and how their issuer ends them.
//!
//! A cookie's value is a secret of which only the SHA-256 is stored. Beside each session lie its
//! anchors: one for the issuer's subject, one for the issuer's session. They are rows of the same
//! table under digests of their own, so that a back-channel logout is the removal of a row by its key
//! and no search; a session holds only while all its anchors do and are not younger than itself.

use std::fmt;
use std::sync::Arc;

use broker_model::Principal;
use broker_store::{Change, Session, StoreError, Write};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Broker, Caller, Result};

/// A session ends after a working day, used or not.
const LIFETIME: SignedDuration = SignedDuration::from_hours(8);
/// 256 bits in base64url without padding.
const TOKEN_CHARS: usize = 43;

/// A person who has signed in at an issuer.
#[derive(Clone, Serialize, Deserialize)]
pub struct SignedIn {
    #[serde(flatten)]
    pub principal: Principal,
    /// The issuer's `sub` before any claim map: logout notices speak of it.
    pub issuer_subject: String,
    /// The issuer's `sid`, if it names sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_session: Option<String>,
    /// The ID token, which the issuer wants back when somebody signs out; sealed with a key made of
    /// the session's token, so that the database alone gives it to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_id_token: Option<String>,
}

/// A session that holds now.
#[derive(Clone, Debug)]
pub struct OpenSession {
    pub caller: Caller,
    pub signed_in: SignedIn,
    pub expires_at: Timestamp,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("issuer", &self.principal.issuer)
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// Opens a session under a token that the caller made from 32 random bytes (base64url, no
    /// padding); returns when it will end.
    pub async fn open_session(&self, token: &str, signed_in: &SignedIn) -> Result<Timestamp> {
        let caller = self.caller(Arc::new(signed_in.principal.clone())).await?;
        let now = self.inner.clock.now();
        let expires_at = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let mut change = Change::default();
        for anchor in anchors(signed_in) {
            let known = self.inner.store.find_session(&anchor, now).await?;
            change.writes.push(Write::PutSession(Box::new(Session {
                id_hash: anchor,
                person: caller.person,
                principal: String::new(),
                issuer_session: None,
                // An anchor that is there keeps its age: older sessions stand on it too.
                created_at: known.map_or(now, |known| known.created_at),
                expires_at,
            })));
        }
        change.writes.push(Write::PutSession(Box::new(Session {
            id_hash: token_digest(token),
            person: caller.person,
            principal: serde_json::to_string(signed_in).unwrap_or_default(),
            issuer_session: signed_in.issuer_session.clone(),
            created_at: now,
            expires_at,
        })));
        self.commit(change).await?;
        Ok(expires_at)
    }

    /// Finds the session of a cookie; `None` when there is none, it has expired, its issuer
    /// ended it, or its person was revoked.
    pub async fn session(&self, token: &str) -> Result<Option<OpenSession>> {
        let is_token = token.len() == TOKEN_CHARS
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !is_token {
            return Ok(None);
        }
        let now = self.inner.clock.now();
        let Some(row) = self
            .inner
            .store
            .find_session(&token_digest(token), now)
            .await?
        else {
            return Ok(None);
        };
        let signed_in: SignedIn = serde_json::from_str(&row.principal).map_err(|error| {
            // Only its class: the text around the error is personal data.
            let reason = format!("{:?}", error.classify());
            StoreError::Unreadable {
                table: "sessions",
                reason,
            }
        })?;
        for anchor in anchors(&signed_in) {
            let anchor = self.inner.store.find_session(&anchor, now).await?;
            if anchor.is_none_or(|anchor| anchor.created_at > row.created_at) {
                return Ok(None);
            }
        }
        if self
            .is_revoked(&signed_in.principal, row.created_at)
            .await?
        {
            return Ok(None);
        }
        let caller = self.caller(Arc::new(signed_in.principal.clone())).await?;
        Ok(Some(OpenSession {
            caller,
            signed_in,
            expires_at: row.expires_at,
        }))
    }

    /// Ends one session; ending it again changes nothing.
    pub async fn close_session(&self, token: &str) -> Result<()> {
        self.remove_sessions([token_digest(token)]).await
    }

    /// Ends what an issuer says has ended: the session it names, or without one all of the subject.
    pub async fn close_sessions_of(
        &self,
        issuer: &str,
        subject: Option<&str>,
        session: Option<&str>,
    ) -> Result<()> {
        let anchor = match (session, subject) {
            (Some(session), _) => session_anchor(issuer, session),
            (None, Some(subject)) => subject_anchor(issuer, subject),
            (None, None) => return Ok(()),
        };
        self.remove_sessions([anchor]).await
    }

    async fn remove_sessions(&self, digests: impl IntoIterator<Item = String>) -> Result<()> {
        let writes = digests
            .into_iter()
            .map(|id_hash| Write::RemoveSession { id_hash })
            .collect();
        self.commit(Change {
            writes,
            entries: Vec::new(),
        })
        .await?;
        Ok(())
    }
}

fn token_digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn anchors(signed_in: &SignedIn) -> Vec<String> {
    let issuer = &signed_in.principal.issuer;
    let session = signed_in
        .issuer_session
        .as_deref()
        .map(|sid| session_anchor(issuer, sid));
    let subject = subject_anchor(issuer, &signed_in.issuer_subject);
    session.into_iter().chain([subject]).collect()
}

/// The zero bytes keep these apart from digests of tokens, which have none.
fn subject_anchor(issuer: &str, subject: &str) -> String {
    token_digest(&format!("subject\0{issuer}\0{subject}"))
}

fn session_anchor(issuer: &str, session: &str) -> String {
    token_digest(&format!("session\0{issuer}\0{session}"))
}
