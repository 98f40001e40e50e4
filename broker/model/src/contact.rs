use serde::{Deserialize, Serialize};

use crate::SizeClass;

/// What somebody looks for help with: the short form of the single point of contact.
///
/// Services, sector and language are codes of the directory under `config/contact/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactNeed {
    pub services: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<String>,
    #[serde(default)]
    pub data_class: DataClass,
    /// Told to the centre; it counts for nothing in the order of centres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<SizeClass>,
    /// Where the organisation is established, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// That people want to be helped in, ISO 639: `fr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default)]
    pub timing: Timing,
}

/// How closely the data must be kept that a centre would work with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    #[default]
    Open,
    Personal,
    /// GDPR Art. 9 data, health data among them, and secrets of a business.
    Sensitive,
}

/// When the help is wanted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    Now,
    Weeks,
    Months,
    /// Nothing is planned yet.
    #[default]
    Open,
}

impl DataClass {
    pub const ALL: [Self; 3] = [Self::Open, Self::Personal, Self::Sensitive];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
        }
    }
}

impl Timing {
    pub const ALL: [Self; 4] = [Self::Now, Self::Weeks, Self::Months, Self::Open];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Weeks => "weeks",
            Self::Months => "months",
            Self::Open => "open",
        }
    }
}
