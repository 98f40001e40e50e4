use serde::{Deserialize, Serialize};

/// What is said of a centre; `config/contact/words.*.toml` has the sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    ServiceOffered,
    /// By a factory that the antenna hangs on.
    ServiceThrough,
    ServiceMissing,
    ServicesUnknown,
    SectorMatch,
    SectorOther,
    SectorsUnknown,
    SameCountry,
    ServesCountry,
    LanguageSpoken,
    LanguageOther,
    LanguagesUnknown,
    DataClassTaken,
    DataClassUnknown,
    OpenAlready,
    OpensLater,
    OpeningUnknown,
    /// Why it cannot help: none of what is asked for.
    ServiceNone,
    DataClassRefused,
    /// Of the whole order, not of one centre.
    SizeNotCounted,
    SectorReview,
}

impl ReasonCode {
    pub const ALL: [Self; 21] = [
        Self::ServiceOffered,
        Self::ServiceThrough,
        Self::ServiceMissing,
        Self::ServicesUnknown,
        Self::SectorMatch,
        Self::SectorOther,
        Self::SectorsUnknown,
        Self::SameCountry,
        Self::ServesCountry,
        Self::LanguageSpoken,
        Self::LanguageOther,
        Self::LanguagesUnknown,
        Self::DataClassTaken,
        Self::DataClassUnknown,
        Self::OpenAlready,
        Self::OpensLater,
        Self::OpeningUnknown,
        Self::ServiceNone,
        Self::DataClassRefused,
        Self::SizeNotCounted,
        Self::SectorReview,
    ];

    /// Whether `ranking.toml` says what it counts for.
    pub const fn is_weighed(self) -> bool {
        !matches!(
            self,
            Self::ServiceNone | Self::DataClassRefused | Self::SizeNotCounted | Self::SectorReview
        )
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceOffered => "service_offered",
            Self::ServiceThrough => "service_through",
            Self::ServiceMissing => "service_missing",
            Self::ServicesUnknown => "services_unknown",
            Self::SectorMatch => "sector_match",
            Self::SectorOther => "sector_other",
            Self::SectorsUnknown => "sectors_unknown",
            Self::SameCountry => "same_country",
            Self::ServesCountry => "serves_country",
            Self::LanguageSpoken => "language_spoken",
            Self::LanguageOther => "language_other",
            Self::LanguagesUnknown => "languages_unknown",
            Self::DataClassTaken => "data_class_taken",
            Self::DataClassUnknown => "data_class_unknown",
            Self::OpenAlready => "open_already",
            Self::OpensLater => "opens_later",
            Self::OpeningUnknown => "opening_unknown",
            Self::ServiceNone => "service_none",
            Self::DataClassRefused => "data_class_refused",
            Self::SizeNotCounted => "size_not_counted",
            Self::SectorReview => "sector_review",
        }
    }
}
