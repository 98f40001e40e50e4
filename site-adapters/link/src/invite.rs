use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_model::{InviteId, SiteId};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{KeyPair, PublicKey};

const PREFIX: &str = "alcyone-invite-1.";
const CHECK_BYTES: usize = 4;

/// Why a text is not an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInvite {
    #[error("this is no invite: one begins with `{PREFIX}`; ask the site's administrator for it")]
    Form,
    #[error("the invite is not whole; copy all of its one line")]
    Damaged,
}

/// What a site's administrator hands to who installs an agent: one line, good once.
///
/// It holds a secret, and what the agent needs to know the broker by before it trusts anything.
#[derive(Clone, Debug)]
pub struct InviteText {
    pub id: InviteId,
    pub site: SiteId,
    pub broker: Url,
    /// What the broker signs its answers to agents with.
    pub broker_key: PublicKey,
    /// Proves that one has the invite. The broker keeps its public half only.
    pub key: KeyPair,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    id: InviteId,
    site: SiteId,
    broker: Url,
    broker_key: PublicKey,
    secret: String,
}

/// With the secret: for the one who gets it.
impl fmt::Display for InviteText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Parts {
            id: self.id,
            site: self.site.clone(),
            broker: self.broker.clone(),
            broker_key: self.broker_key,
            secret: self.key.secret(),
        };
        let mut bytes = serde_json::to_vec(&parts).map_err(|_| fmt::Error)?;
        let check = check(&bytes);
        bytes.extend(check);
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for InviteText {
    type Err = InvalidInvite;

    fn from_str(text: &str) -> Result<Self, InvalidInvite> {
        let encoded = text
            .trim()
            .strip_prefix(PREFIX)
            .ok_or(InvalidInvite::Form)?;
        let whole = URL_SAFE_NO_PAD.decode(encoded).ok();
        let parts = whole
            .as_deref()
            .and_then(checked)
            .ok_or(InvalidInvite::Damaged)?;
        let key = KeyPair::from_secret(&parts.secret).map_err(|_| InvalidInvite::Damaged)?;
        Ok(Self {
            id: parts.id,
            site: parts.site,
            broker: parts.broker,
            broker_key: parts.broker_key,
            key,
        })
    }
}

fn checked(whole: &[u8]) -> Option<Parts> {
    let (bytes, found) = whole.split_at_checked(whole.len().checked_sub(CHECK_BYTES)?)?;
    (check(bytes) == found).then(|| serde_json::from_slice(bytes).ok())?
}

/// Against a line that was not copied whole, not against malice.
fn check(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .take(CHECK_BYTES)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> InviteText {
        InviteText {
            id: "inv_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            site: "lumi".parse().unwrap(),
            broker: "https://broker.example.eu/".parse().unwrap(),
            broker_key: *KeyPair::generate().public(),
            key: KeyPair::generate(),
        }
    }

    #[test]
    fn an_invite_survives_being_pasted() {
        let (made, line) = (invite(), invite().to_string());
        assert!(!line.contains(char::is_whitespace), "{line}");
        let line = format!("  {made}\n");
        let read: InviteText = line.parse().unwrap();
        assert_eq!(
            (read.id, read.site, read.broker),
            (made.id, made.site, made.broker)
        );
        assert_eq!(read.broker_key, made.broker_key);
        assert_eq!(read.key.public(), made.key.public());
    }

    #[test]
    fn half_an_invite_is_told_from_something_else() {
        let line = invite().to_string();
        let half = &line[..line.len() - 7];
        assert_eq!(
            half.parse::<InviteText>().unwrap_err(),
            InvalidInvite::Damaged
        );
        assert_eq!(
            PREFIX.parse::<InviteText>().unwrap_err(),
            InvalidInvite::Damaged
        );
        let other = "eyJhbGciOi".parse::<InviteText>().unwrap_err();
        assert_eq!(other, InvalidInvite::Form);
    }

    #[test]
    fn the_secret_is_in_no_debug_output() {
        let made = invite();
        assert!(!format!("{made:?}").contains(&made.key.secret()));
    }
}
