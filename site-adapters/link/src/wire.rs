use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker_model::{AgentId, SiteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{KeyPair, PublicKey};

/// `POST /agent/v1/enrol`, signed with the invite's key: so nobody on the way can put another key in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    pub public_key: PublicKey,
    /// That the sender has the key: its signature over itself and over whom it is shown to.
    pub possession: String,
    /// The machine's name, for the list of the site's agents.
    pub host: String,
    /// The agent's version.
    pub version: String,
}

impl EnrolRequest {
    /// `invite` is the invite's id.
    pub fn new(key: &KeyPair, invite: &str, host: String, version: String) -> Self {
        Self {
            public_key: *key.public(),
            possession: possession(key, invite),
            host,
            version,
        }
    }

    pub fn is_possessed(&self, invite: &str) -> bool {
        is_possessed(&self.public_key, invite, &self.possession)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolReply {
    pub agent: AgentId,
    pub site: SiteId,
    /// What the broker signs its answers with; the same as in the invite.
    pub broker_key: PublicKey,
}

/// `POST /agent/v1/rotate`, signed with the key that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    pub public_key: PublicKey,
    /// As in [`EnrolRequest`], shown to the agent's own id.
    pub possession: String,
}

impl RotateRequest {
    pub fn new(key: &KeyPair, agent: AgentId) -> Self {
        Self {
            public_key: *key.public(),
            possession: possession(key, &agent.to_string()),
        }
    }

    pub fn is_possessed(&self, agent: AgentId) -> bool {
        is_possessed(&self.public_key, &agent.to_string(), &self.possession)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateReply {
    /// Up to then the old key counts, too.
    pub old_key_until: Timestamp,
}

fn shown_to(key: &PublicKey, whom: &str) -> String {
    format!("alcyone agent key\n{key}\n{whom}\n")
}

fn possession(key: &KeyPair, whom: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(shown_to(key.public(), whom).as_bytes()))
}

fn is_possessed(key: &PublicKey, whom: &str, proof: &str) -> bool {
    let proof = URL_SAFE_NO_PAD.decode(proof).unwrap_or_default();
    key.has_signed(shown_to(key, whom).as_bytes(), &proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_by_who_has_it_and_to_one_invite() {
        let key = KeyPair::generate();
        let request = EnrolRequest::new(&key, "inv_1", "login1".to_owned(), "0.1.0".to_owned());
        assert!(request.is_possessed("inv_1"));
        assert!(!request.is_possessed("inv_2"));
        let others = EnrolRequest {
            public_key: *KeyPair::generate().public(),
            ..request
        };
        assert!(!others.is_possessed("inv_1"));
    }
}
