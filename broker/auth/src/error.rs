use std::fmt;

/// Where at the issuer something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Discovery,
    Keys,
    Token,
    Userinfo,
    Introspection,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discovery => "discovery document",
            Self::Keys => "key set",
            Self::Token => "token endpoint",
            Self::Userinfo => "userinfo endpoint",
            Self::Introspection => "introspection endpoint",
        })
    }
}

/// Why somebody is not let in. Never holds a token, a code or a claim about a person.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("the token is malformed: {reason}")]
    Malformed { reason: &'static str },
    #[error("the token is not an access token; send the access token, not the ID or refresh token")]
    NotAnAccessToken,
    #[error(
        "the token is opaque and no configured issuer takes those; ask for a token for this API (`resource`)"
    )]
    OpaqueNotAccepted,
    #[error("the token's issuer is not one this broker trusts; sign in with one that it offers")]
    UnknownIssuer,
    #[error("the token is meant for another service; ask for one with this broker as audience")]
    WrongAudience,
    #[error("the token has expired; refresh it or sign in again")]
    Expired,
    #[error("the token is not valid yet; check the clocks of issuer and broker")]
    NotYetValid,
    #[error("the token is signed with an algorithm that is not allowed")]
    AlgorithmNotAllowed,
    #[error("the token's signature does not match")]
    BadSignature,
    #[error("the token names a key that its issuer does not publish")]
    UnknownKey,
    #[error("the token is bound to a key whose proof was not sent; ask for a bearer token")]
    SenderConstrained,
    #[error("the issuer says that the token is not active; sign in again")]
    Inactive,
    #[error("the broker is asking about too many tokens at once; try again in a few seconds")]
    Busy,
    #[error("what was given to this person until now was revoked here; sign in again")]
    Revoked,
    #[error("the issuer sent no `{claim}`; ask its operator to release it")]
    MissingClaim { claim: String },
    #[error("subjects of this issuer look different; the token's is refused")]
    SubjectRefused,
    #[error("issuer `{issuer}` cannot be reached at its {endpoint}; try again later")]
    IssuerUnreachable {
        issuer: String,
        endpoint: Endpoint,
        source: Option<reqwest::Error>,
    },
    #[error("issuer `{issuer}` answered {status} at its {endpoint}")]
    IssuerRefused {
        issuer: String,
        endpoint: Endpoint,
        status: u16,
    },
    #[error("issuer `{issuer}` sent an answer that cannot be used from its {endpoint}: {reason}")]
    UnusableAnswer {
        issuer: String,
        endpoint: Endpoint,
        reason: &'static str,
    },
    #[error("issuer `{issuer}` offers no {endpoint}")]
    NotOffered { issuer: String, endpoint: Endpoint },
    #[error(
        "issuer `{issuer}` has no `[issuers.portal]` section, so nobody can sign in to the portal with it"
    )]
    NoPortalClient { issuer: String },
    #[error("this answer does not belong to the sign-in that was begun here; start again")]
    StateMismatch,
    #[error("the answer came from another issuer than the one that was asked")]
    IssuerMismatch,
    #[error("the ID token belongs to another sign-in")]
    NonceMismatch,
    #[error("the sign-in took too long; start again")]
    LoginTooOld,
    #[error("the issuer refused the sign-in: `{code}`")]
    LoginRefused { code: String },
    #[error("the logout token is not valid: {reason}")]
    BadLogoutToken { reason: &'static str },
}

impl AuthError {
    /// The `error` of a `WWW-Authenticate: Bearer` challenge (RFC 6750, section 3.1).
    ///
    /// Where [`is_unavailable`](Self::is_unavailable), answer 503 without a challenge: the token
    /// may be good.
    pub fn challenge(&self) -> &'static str {
        match self {
            Self::StateMismatch
            | Self::IssuerMismatch
            | Self::NonceMismatch
            | Self::LoginTooOld
            | Self::LoginRefused { .. }
            | Self::NoPortalClient { .. }
            | Self::BadLogoutToken { .. } => "invalid_request",
            _ => "invalid_token",
        }
    }

    /// A stable word for logs, metrics and problem documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::NotAnAccessToken => "not_an_access_token",
            Self::OpaqueNotAccepted => "opaque_not_accepted",
            Self::UnknownIssuer => "unknown_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::BadSignature => "bad_signature",
            Self::UnknownKey => "unknown_key",
            Self::SenderConstrained => "sender_constrained",
            Self::Inactive => "inactive",
            Self::Busy => "busy",
            Self::Revoked => "revoked",
            Self::MissingClaim { .. } => "missing_claim",
            Self::SubjectRefused => "subject_refused",
            Self::IssuerUnreachable { .. } => "issuer_unreachable",
            Self::IssuerRefused { .. } => "issuer_refused",
            Self::UnusableAnswer { .. } => "unusable_answer",
            Self::NotOffered { .. } => "not_offered",
            Self::NoPortalClient { .. } => "no_portal_client",
            Self::StateMismatch => "state_mismatch",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::NonceMismatch => "nonce_mismatch",
            Self::LoginTooOld => "login_too_old",
            Self::LoginRefused { .. } => "login_refused",
            Self::BadLogoutToken { .. } => "bad_logout_token",
        }
    }

    /// The same verdict on the same token, where it is one that an issuer will not take back.
    pub(crate) fn again(&self) -> Option<Self> {
        Some(match self {
            Self::Inactive => Self::Inactive,
            Self::NotAnAccessToken => Self::NotAnAccessToken,
            Self::UnknownIssuer => Self::UnknownIssuer,
            Self::WrongAudience => Self::WrongAudience,
            Self::Expired => Self::Expired,
            _ => return None,
        })
    }

    /// The fault lies with the issuer or the way there: the same request may pass later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::IssuerUnreachable { .. } | Self::UnusableAnswer { .. } => true,
            Self::NotOffered { .. } | Self::Busy => true,
            Self::IssuerRefused {
                endpoint, status, ..
            } => *status >= 500 || *status == 429 || *endpoint != Endpoint::Token,
            _ => false,
        }
    }
}
