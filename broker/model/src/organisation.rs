use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::OrganisationId;

/// A legal entity. Where it is established counts, not the nationality of its people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    pub id: OrganisationId,
    pub name: String,
    /// Country of establishment, ISO 3166-1 alpha-2.
    pub country: String,
    pub size: SizeClass,
    /// The domain its people's identities carry (`schac_home_organization`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// Size by Recommendation 2003/361/EC, with the group counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeClass {
    Micro,
    Small,
    Medium,
    Large,
    Unclear,
}

/// A dated fact about an organisation, with who checked it and until when it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub organisation: OrganisationId,
    pub kind: EvidenceKind,
    pub issued_on: Date,
    /// The last day it counts; none means it does not expire by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Date>,
    pub source: String,
    /// Whoever looked at it; evidence nobody checked never counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_by: Option<String>,
}

/// A kind of evidence by the id it has in `policies/tables/evidence_kinds.toml`: `ai_pact_pledge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EvidenceKind(pub String);
