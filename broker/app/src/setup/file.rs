use std::collections::BTreeMap;

use broker_model::{
    AllocationId, CentreId, EvidenceId, FundingShare, OrganisationId, ProjectId, SiteId, SizeClass,
    SystemId,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The file, TOML: tables by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupFile {
    #[serde(default)]
    pub organisations: BTreeMap<String, OrganisationSetup>,
    #[serde(default)]
    pub projects: BTreeMap<String, ProjectSetup>,
    #[serde(default)]
    pub grants: Vec<GrantSetup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationSetup {
    pub name: String,
    pub country: String,
    pub size: SizeClass,
    #[serde(default)]
    pub domain: Option<String>,
    #[serde(default)]
    pub evidence: Vec<EvidenceSetup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSetup {
    pub kind: String,
    pub issued_on: Date,
    #[serde(default)]
    pub expires_on: Option<Date>,
    pub source: String,
    #[serde(default)]
    pub checked_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectSetup {
    /// A key under `organisations` of this file.
    pub organisation: String,
    pub name: String,
    #[serde(default)]
    pub call_reference: Option<String>,
    #[serde(default)]
    pub civilian: Option<bool>,
    #[serde(default)]
    pub sectors: Vec<String>,
    #[serde(default)]
    pub members: Vec<MemberSetup>,
    #[serde(default)]
    pub allocations: BTreeMap<String, AllocationSetup>,
}

/// A person by what their issuer calls them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSetup {
    pub issuer: String,
    pub subject: String,
    #[serde(default)]
    pub lead: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllocationSetup {
    /// Absent for the whole federation.
    #[serde(default)]
    pub site: Option<SiteId>,
    #[serde(default)]
    pub system: Option<SystemId>,
    pub share: FundingShare,
    pub unit: String,
    pub hours: u32,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    #[serde(default)]
    pub suspended: bool,
    #[serde(default)]
    pub local_accounts: BTreeMap<SiteId, String>,
}

/// A role outside of projects.
///
/// `operator`, `reviewer`, `auditor` with an optional share, `site_admin` with a site, `centre_staff` with a
/// support centre, or `representative` with an organisation. Whoever the file names no more for a role loses it; representatives alone are only added, or `removed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSetup {
    pub issuer: String,
    pub subject: String,
    pub role: String,
    #[serde(default)]
    pub site: Option<SiteId>,
    #[serde(default)]
    pub centre: Option<CentreId>,
    /// A key under `organisations` of this file or of one before, or the id of one that registered itself.
    #[serde(default)]
    pub organisation: Option<String>,
    #[serde(default)]
    pub share: Option<FundingShare>,
    /// A site administrator who sees names, and not only pseudonyms, of those whose jobs run there.
    #[serde(default)]
    pub sees_people: bool,
    /// Takes the role from this person: how the last one who has it loses it.
    #[serde(default)]
    pub removed: bool,
}

/// The id of the organisation with this key.
pub fn organisation_id(key: &str) -> OrganisationId {
    named("organisation", key).into()
}

/// The id of the project with this key.
pub fn project_id(key: &str) -> ProjectId {
    named("project", key).into()
}

/// The id of what an organisation's entry shows: of its days, by its source.
pub(super) fn evidence_id(organisation: &str, setup: &EvidenceSetup) -> EvidenceId {
    let EvidenceSetup {
        kind,
        issued_on,
        expires_on,
        source,
        ..
    } = setup;
    let last = expires_on.map(|day| format!("/{day}")).unwrap_or_default();
    let words = format!("{organisation}/{kind}/{issued_on}{last}/{source}");
    named("evidence", &words).into()
}

/// The id of an allocation by its own key and its project's.
pub fn allocation_id(project: &str, key: &str) -> AllocationId {
    named("allocation", &format!("{project}/{key}")).into()
}

/// A UUID version 8 from the SHA-256 of kind and key.
pub(crate) fn named(kind: &str, key: &str) -> uuid::Uuid {
    let digest = Sha256::digest(format!("alcyone:{kind}:{key}").as_bytes());
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(digest) {
        *byte = from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
