use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::OrganisationId;

/// A legal entity. Where it is established counts, not the nationality of its people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    pub id: OrganisationId,
    pub name: String,
    /// Country of establishment, ISO 3166-1 alpha-2.
    pub country: String,
    /// As it was found when the organisation was described last, or as a setup file says.
    pub size: SizeClass,
    /// The domain its people's identities carry (`schac_home_organization`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Nothing while nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OrganisationKind>,
    /// As declared: no law of the Union in force says what a start-up is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founded_on: Option<Date>,
    #[serde(default, skip_serializing_if = "Identifiers::is_empty")]
    pub identifiers: Identifiers,
    /// Accounts and relations that the size was found from, in the words of the policy (`SizeFacts`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_facts: Option<Value>,
    /// 0 before it is first stored; the row has it, not the document.
    #[serde(skip)]
    pub version: i64,
}

impl Organisation {
    /// As it describes itself.
    pub fn described(id: OrganisationId, draft: &OrganisationDraft) -> Self {
        let size = draft.size.unwrap_or(SizeClass::Unclear);
        Self {
            kind: Some(draft.kind),
            startup: draft.startup,
            founded_on: draft.founded_on,
            identifiers: draft.identifiers.clone(),
            size_facts: draft.size_facts.clone(),
            ..Self::new(id, draft.name.trim(), &draft.country, size)
        }
    }

    /// One of which nothing else is known.
    pub fn new(id: OrganisationId, name: &str, country: &str, size: SizeClass) -> Self {
        Self {
            id,
            name: name.to_owned(),
            country: country.to_owned(),
            size,
            domain: None,
            kind: None,
            startup: None,
            founded_on: None,
            identifiers: Identifiers::default(),
            size_facts: None,
            version: 0,
        }
    }
}

/// What an organisation says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationDraft {
    pub name: String,
    /// Of establishment, ISO 3166-1 alpha-2.
    pub country: String,
    pub kind: OrganisationKind,
    /// As declared; a company only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founded_on: Option<Date>,
    #[serde(default)]
    pub identifiers: Identifiers,
    /// As declared by Recommendation 2003/361/EC; without it, and without accounts, it is unclear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeClass>,
    /// Accounts and relations, in the words of the policy (`SizeFacts`): the size is found from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_facts: Option<Value>,
}

/// What registers call it, normalised: form and checksum were looked at, not whether the number was given
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifiers {
    /// With the prefix of the state: `EL123456789`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<String>,
    /// Participant Identification Code of the EU's funding programmes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pic: Option<String>,
    /// European Unique Identifier of a company, Implementing Regulation (EU) 2021/1042.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub euid: Option<String>,
    /// Legal Entity Identifier, ISO 17442.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lei: Option<String>,
}

impl Identifiers {
    pub fn is_empty(&self) -> bool {
        self.each().all(|(_, value)| value.is_none())
    }

    /// By kind, in the order of the fields.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        [
            ("vat", self.vat.as_deref()),
            ("pic", self.pic.as_deref()),
            ("euid", self.euid.as_deref()),
            ("lei", self.lei.as_deref()),
        ]
        .into_iter()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    Company,
    Research,
    PublicSector,
}

impl OrganisationKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Research => "research",
            Self::PublicSector => "public_sector",
        }
    }
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
