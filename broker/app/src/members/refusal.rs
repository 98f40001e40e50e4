use jiff::Timestamp;

/// Why a code lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationRefusal {
    /// Whatever it is: nothing is told of codes that are nearly like it.
    #[error("there is no invitation with this code")]
    Unknown,
    #[error("this invitation was accepted already, by somebody else")]
    Used,
    #[error("this invitation was good until {0}")]
    Expired(Timestamp),
    #[error("this invitation was taken back")]
    Revoked,
}

impl InvitationRefusal {
    /// Stable: for programs and documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "invitation-unknown",
            Self::Used => "invitation-used",
            Self::Expired(_) => "invitation-expired",
            Self::Revoked => "invitation-revoked",
        }
    }

    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unknown => "copy the whole code, as you were given it: `join_` and 43 characters",
            Self::Used => {
                "sign in as the person who accepted it, or ask who invited you for a code of your own"
            }
            Self::Expired(_) | Self::Revoked => "ask who invited you for a new one",
        }
    }
}
