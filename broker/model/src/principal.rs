use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CentreId, FundingShare, OrganisationId, ProjectId, SiteId};

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

impl Principal {
    /// Somebody of whom only issuer and subject are known.
    pub fn stranger(issuer: &str, subject: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            name: None,
            email: None,
            email_verified: false,
            home_organisation: None,
            assurance: Assurance::default(),
            entitlements: BTreeSet::new(),
        }
    }
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

/// Writes it as issuers do, percent-encoding what RFC 8141 does not allow unquoted.
impl fmt::Display for Entitlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:group", self.namespace)?;
        for part in &self.group {
            f.write_str(":")?;
            quoted(f, part)?;
        }
        if let Some(role) = &self.role {
            f.write_str(":role=")?;
            quoted(f, role)?;
        }
        if let Some(authority) = &self.authority {
            f.write_str("#")?;
            quoted(f, authority)?;
        }
        Ok(())
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, part: &str) -> fmt::Result {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
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
    /// Speaks for an organisation: describes it, hands in evidence, applies.
    Representative {
        organisation: OrganisationId,
    },
    Reviewer,
    /// An operator looked at this person's identity, which then counts as assured where the issuer says less.
    Vetted,
    SiteAdmin {
        site: SiteId,
        /// Sees the names of people whose jobs run there, and not only their pseudonyms.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sees_people: bool,
    },
    /// Answers the referrals of a support centre.
    CentreStaff {
        centre: CentreId,
    },
    /// A funding body: `None` sees every share.
    Auditor {
        share: Option<FundingShare>,
    },
    Operator,
}
