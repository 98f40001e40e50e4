//! Agents that sites run, and the invites that they come in by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AgentId, InviteId, PersonId, SiteId};

/// So many wrong proofs end an invite: whoever guesses cannot go on guessing.
pub const WRONG_PROOFS: u32 = 5;

/// Lets one agent in at one site, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    pub id: InviteId,
    pub site: SiteId,
    /// The public half of the invite's key (Ed25519, base64url); the other half is in the invite only.
    pub public_key: String,
    /// For people: which machine it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `None`: an operator on the broker's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<PersonId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub wrong_proofs: u32,
    #[serde(default)]
    pub fate: InviteFate,
    pub version: i64,
}

/// What became of an invite, beside running out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InviteFate {
    #[default]
    Open,
    Used {
        agent: AgentId,
        at: Timestamp,
        /// The agent's first key: who repeats the request with it lost the answer.
        public_key: String,
    },
    Withdrawn {
        at: Timestamp,
    },
}

/// In one word, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    Open,
    Used,
    Withdrawn,
    Expired,
    /// Wrong proofs were sent for it.
    Blocked,
}

impl Invite {
    pub fn state(&self, now: Timestamp) -> InviteState {
        match self.fate {
            InviteFate::Used { .. } => InviteState::Used,
            InviteFate::Withdrawn { .. } => InviteState::Withdrawn,
            InviteFate::Open if self.wrong_proofs >= WRONG_PROOFS => InviteState::Blocked,
            InviteFate::Open if now >= self.expires_at => InviteState::Expired,
            InviteFate::Open => InviteState::Open,
        }
    }
}

/// An agent that came in by an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledAgent {
    pub id: AgentId,
    pub site: SiteId,
    pub invite: InviteId,
    /// As it said at its enrolment; for people, nothing rests on it.
    pub host: String,
    pub program_version: String,
    pub enrolled_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<AgentRevoked>,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRevoked {
    pub at: Timestamp,
    /// For the site's administrators and the agent itself; it may name people, so it is in no entry.
    pub reason: String,
}

/// A key of an agent; it has two for a while when it changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentKey {
    /// The SHA-256 of the key, in base64url.
    pub id: String,
    pub agent: AgentId,
    /// Ed25519, base64url.
    pub public_key: String,
    pub added_at: Timestamp,
    /// Set when it is replaced: after that it no longer counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_invite_ends_by_use_by_withdrawal_by_time_or_by_wrong_proofs() {
        let now = Timestamp::UNIX_EPOCH;
        let open = Invite {
            id: "inv_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            site: "lumi".parse().unwrap(),
            public_key: String::new(),
            note: None,
            made_by: None,
            created_at: now,
            expires_at: now + SignedDuration::from_hours(24),
            wrong_proofs: 0,
            fate: InviteFate::Open,
            version: 1,
        };
        assert_eq!(open.state(now), InviteState::Open);
        assert_eq!(open.state(open.expires_at), InviteState::Expired);
        let with = |fate, wrong_proofs| Invite {
            wrong_proofs,
            fate,
            ..open.clone()
        };
        let blocked = with(InviteFate::Open, WRONG_PROOFS);
        assert_eq!(blocked.state(now), InviteState::Blocked);
        let withdrawn = with(InviteFate::Withdrawn { at: now }, 0);
        assert_eq!(withdrawn.state(open.expires_at), InviteState::Withdrawn);
    }
}
