use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The kind of evidence that a list of signatories is looked at for.
pub const PLEDGE_EVIDENCE: &str = "ai_pact_pledge";

/// A list of who signed the AI Pact, as it was on a day; the names on it are kept beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatoryList {
    pub as_of: Date,
    /// Of the bytes of its file, 64 hexadecimal digits.
    pub sha256: String,
    /// Where it is from, in the operator's words.
    pub source: String,
    pub names: u32,
    pub imported_at: Timestamp,
}

/// A name on a list, as the list spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatory {
    pub name: String,
    /// ISO 3166-1 alpha-2, where the list has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The day of its pledge, where the list has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pledged_on: Option<Date>,
}

/// What the newest list has to say of an organisation. A hint for whoever checks evidence: two
/// organisations may have one name, and nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatoryHint {
    /// None where no list was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<SignatoryList>,
    /// Names on it that read like the organisation's.
    pub reads_like: Vec<Signatory>,
}
