use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{FundingShare, ProjectId, SiteId};

/// Who a request comes from, in the words of the issuer that vouches for it.
///
/// Personal data: lives in identity tables only, never in a log or the ledger (invariant 6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    pub issuer: String,
    pub subject: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    #[serde(default)]
    pub home_organisation: Option<String>,
    #[serde(default)]
    pub assurance: Assurance,
    #[serde(default)]
    pub entitlements: BTreeSet<Entitlement>,
}

/// What the issuer says of identity proofing (REFEDS RAF) and of the login itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    #[serde(default)]
    pub identity: IdentityAssurance,
    /// The `acr` is the REFEDS MFA profile; `eduperson_assurance` does not speak of this.
    #[serde(default)]
    pub multi_factor: bool,
}

/// Ordered: `low` is less than `medium`. `local-enterprise` is orthogonal and not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityAssurance {
    #[default]
    None,
    Low,
    Medium,
    High,
}

/// A group membership after AARC-G069: `<namespace>:group:<group>[:<sub>…][:role=<role>]#<authority>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entitlement {
    /// Lower-cased: URN namespaces compare without case (RFC 8141).
    pub namespace: String,
    /// Percent-decoded, outermost first; compared with case.
    pub group: Vec<String>,
    pub role: Option<String>,
    pub authority: Option<String>,
}

/// What somebody may do, by entitlement or by a grant inside the broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    Member {
        project: ProjectId,
    },
    Lead {
        project: ProjectId,
    },
    Reviewer,
    SiteAdmin {
        site: SiteId,
    },
    /// A funding body: `None` sees every share.
    Auditor {
        share: Option<FundingShare>,
    },
    Operator,
}
