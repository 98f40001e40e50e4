use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What an organisation hands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FulfilmentDraft {
    /// The report itself, or what it says and where it is.
    pub words: String,
    /// Where it can be read: `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Of its bytes, 64 hexadecimal digits: what the link gives later can be compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Why something is not owed any more; the organisation reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverDraft {
    pub reason: String,
}

/// Why something is owed again, or longer; the organisation reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReopeningDraft {
    /// What is missing.
    pub words: String,
    /// Another last day; without one the day stays, also where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// Gives what is owed still another last day; without it, asks again for what was handed in or waived. Neither
    /// is done to what is in the other state, so that nothing is undone which came in between.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub postpones: bool,
}
