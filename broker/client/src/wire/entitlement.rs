//! What the broker tells of organisations and applications beside the nouns of `broker-model`.

use broker_model::{Organisation, OrganisationId, SizeClass};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// An organisation; the `ETag` of the answer names this description of it.
#[derive(Clone, Debug)]
pub struct OrganisationDocument {
    pub organisation: Organisation,
    pub etag: String,
}

/// The fields of an application to one mode at one system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationForm {
    pub mode: String,
    pub system: String,
    /// Where nothing can be had there today: an application would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<FormClosed>,
    /// Where all cut-offs of the mode that are known are over, the day of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_cut_off_after: Option<Date>,
    pub fields: Vec<FormField>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormClosed {
    /// In the language that was asked for, where the policy has it; none where nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Where it goes in what is handed in: `project.name`, `answers.benchmark_evidence`.
    pub name: String,
    /// What is known already, and need not be said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What it is, where its name is a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What is taken there, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
    /// Who asks for it.
    pub source: String,
    /// Whether that was read with certainty.
    pub certain: bool,
    /// Whether it may be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// Whose de minimis aid is added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undertaking {
    /// Registered here, the organisation itself first.
    pub members: Vec<UndertakingMember>,
    /// Linked enterprises that are not found here: their aid is what the organisation declares itself.
    pub not_counted: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndertakingMember {
    pub organisation: OrganisationId,
    /// Of its state, in whole EUR, in the three years up to now.
    pub counted_eur: u32,
}

/// A size with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationSize {
    pub size: SizeClass,
    pub on: Date,
    /// How it follows from accounts and relations; none where it is only declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<SizeFound>,
    /// Why it is not found, or not to be relied on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<SizeReason>,
}

/// The size that follows from accounts, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeFound {
    pub class: SizeClass,
    /// Every class it can be, from the smallest.
    pub possible: Vec<SizeClass>,
    pub reasons: Vec<SizeReason>,
    /// From the last to the first.
    pub periods: Vec<PeriodFound>,
}

/// One sentence of the answer, with the act it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeReason {
    pub words: String,
    pub source: String,
}

/// A period with the group added, and the class it would have by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodFound {
    pub first_day: Date,
    pub last_day: Date,
    /// Annual work units, in hundredths.
    pub awu_hundredths: u64,
    pub turnover_eur: u64,
    pub balance_eur: u64,
    pub class: SizeClass,
    pub estimated: bool,
}
