use broker_model::{SiteId, TermsId};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A document in force, in the language that was asked for where it has that: `GET /terms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsView {
    pub document: TermsId,
    /// Whose they are, where they are not the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    pub version: String,
    /// The first day they are in force, in Brussels.
    pub effective: Date,
    pub source: String,
    /// Of title and text, and those that there are beside.
    pub language: String,
    pub languages: Vec<String>,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Where the text lies that is not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The SHA-256 of the text: whoever accepts says it again.
    pub digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
}

/// What `POST /terms/{id}/acceptances` answers; again, it is the first one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsAcceptanceView {
    pub document: TermsId,
    pub version: String,
    pub digest: String,
    pub accepted_at: Timestamp,
}
