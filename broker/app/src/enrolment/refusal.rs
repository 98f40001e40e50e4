use jiff::Timestamp;

/// Why something that says it is an agent is not let in. The words are for who runs the agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    #[error("the request is not signed, or not as an agent of this version signs")]
    Unsigned,
    #[error("the key that signed the request is not known here")]
    UnknownKey,
    #[error(
        "the signature does not fit the request: it was changed on its way, or signed with another key"
    )]
    BadSignature,
    #[error(
        "the request was signed at {theirs} by the agent's clock, and the broker's says {ours}; at most 60 s are \
         allowed between them"
    )]
    Clock { theirs: String, ours: Timestamp },
    #[error("the body is not the one that was signed: it was changed on its way")]
    AnotherBody,
    #[error("this request was made once already; it was recorded and sent again")]
    Replayed,
    #[error("this key was replaced, and counted until {0}")]
    KeyReplaced(Timestamp),
    #[error("this agent was revoked at {at}: {reason}")]
    Revoked { at: Timestamp, reason: String },
    #[error("there is no such invite")]
    NoInvite,
    #[error("this invite was used already, by another key")]
    InviteUsed,
    #[error("this invite was good until {0}")]
    InviteExpired(Timestamp),
    #[error("this invite was withdrawn")]
    InviteWithdrawn,
    #[error("too many wrong proofs were sent for this invite, so it is good for nothing now")]
    InviteBlocked,
    #[error("whoever sent this does not have the invite: the signature is not by its key")]
    WrongProof,
    #[error("the sender does not show that it has the new key")]
    NotPossessed,
    #[error("this key belongs to an agent already, or did")]
    KeyTaken,
    #[error("this agent speaks for {speaks_for}, not for {asked}")]
    AnotherSite { speaks_for: String, asked: String },
    #[error("this agent is {is}, and the message says it is {says}")]
    AnotherAgent { is: String, says: String },
}

impl AgentRefusal {
    /// Stable: for programs, metrics and documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "agent-unsigned",
            Self::UnknownKey => "agent-unknown",
            Self::BadSignature => "agent-signature",
            Self::Clock { .. } => "agent-clock",
            Self::AnotherBody => "agent-body",
            Self::Replayed => "agent-replay",
            Self::KeyReplaced(_) => "agent-key-replaced",
            Self::Revoked { .. } => "agent-revoked",
            Self::NoInvite => "invite-unknown",
            Self::InviteUsed => "invite-used",
            Self::InviteExpired(_) => "invite-expired",
            Self::InviteWithdrawn => "invite-withdrawn",
            Self::InviteBlocked => "invite-blocked",
            Self::WrongProof => "invite-proof",
            Self::NotPossessed => "key-not-shown",
            Self::KeyTaken => "key-taken",
            Self::AnotherSite { .. } => "another-site",
            Self::AnotherAgent { .. } => "another-agent",
        }
    }

    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unsigned => {
                "use `alcyone-agent` of this broker's version, enrolled with an invite"
            }
            Self::UnknownKey | Self::Revoked { .. } => {
                "ask an administrator of the site for a new invite, remove `identity.toml` from the agent's \
                 data folder, and run `alcyone-agent enrol`"
            }
            Self::BadSignature | Self::AnotherBody => {
                "find what changes requests between the agent and the broker: a proxy that rewrites paths or bodies"
            }
            Self::Clock { .. } => "set the agent's clock by NTP",
            Self::Replayed => {
                "nothing is to be done for the agent, which signs each try anew; find who recorded it"
            }
            Self::KeyReplaced(_) => {
                "start the agent again, so that it reads the new key from its data folder"
            }
            Self::NoInvite
            | Self::InviteUsed
            | Self::InviteExpired(_)
            | Self::InviteWithdrawn
            | Self::InviteBlocked => "ask an administrator of the site for a new invite",
            Self::WrongProof => {
                "copy the whole invite, as the administrator got it; after five wrong ones it ends"
            }
            Self::NotPossessed | Self::KeyTaken => "run the command again with a new key",
            Self::AnotherSite { .. } | Self::AnotherAgent { .. } => {
                "set `agent.site` to the site of the invite, and give each agent a data folder of its own"
            }
        }
    }

    /// Who it is was proven; it only may not do this.
    pub const fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Self::AnotherSite { .. }
                | Self::AnotherAgent { .. }
                | Self::InviteUsed
                | Self::InviteExpired(_)
                | Self::InviteWithdrawn
                | Self::InviteBlocked
                | Self::NotPossessed
                | Self::KeyTaken
        )
    }
}
