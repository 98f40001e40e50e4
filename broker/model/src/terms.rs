use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{PersonId, SiteId, TermsId};

/// One version of a document that people have to accept, in each language that it is written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsDocument {
    pub id: TermsId,
    pub scope: TermsScope,
    pub version: String,
    /// The first day it is in force, in Brussels.
    pub effective: Date,
    /// Where the text is from: who decided on it, under which number or address.
    pub source: String,
    /// By language: `en`, `fr`.
    pub text: BTreeMap<String, TermsText>,
}

/// Whose terms they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermsScope {
    /// Of everybody who hands in a job.
    Platform,
    /// Of those whose jobs go to this site.
    Site(SiteId),
}

/// A text, or where it is with the SHA-256 of what lies there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsText {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Of what lies at `link`; that of a body is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// That somebody has accepted one text. Personal data: who they are is in `person`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsAcceptance {
    pub person: PersonId,
    pub document: TermsId,
    pub version: String,
    /// Of the text that was read, 64 hexadecimal digits.
    pub sha256: String,
    pub accepted_at: Timestamp,
}

/// What somebody says who accepts: the version, and the SHA-256 of the text that they read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermsDraft {
    pub version: String,
    pub digest: String,
}

/// A version in force that somebody has not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnacceptedTerms {
    pub document: TermsId,
    pub version: String,
    /// Whose they are, where they are not the platform's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    pub title: String,
    /// The command that accepts them.
    pub how: String,
}

impl TermsScope {
    /// The one id that a document of this scope may have.
    pub fn document_id(&self) -> String {
        match self {
            Self::Platform => "platform".to_owned(),
            Self::Site(site) => format!("site-{site}"),
        }
    }

    pub const fn site(&self) -> Option<&SiteId> {
        match self {
            Self::Platform => None,
            Self::Site(site) => Some(site),
        }
    }
}

impl TermsText {
    /// The SHA-256 of the text; of a body once the document is read in.
    pub fn digest(&self) -> &str {
        self.sha256.as_deref().unwrap_or_default()
    }
}

impl TermsDocument {
    /// Whether somebody who read this has read the document as it stands, in whatever language.
    pub fn has_text(&self, sha256: &str) -> bool {
        self.text.values().any(|it| it.digest() == sha256)
    }

    /// That it is not accepted, with its title in a language.
    pub fn unaccepted(&self, language: &str) -> UnacceptedTerms {
        let title = self.text_in(language).map(|(_, text)| text.title.clone());
        UnacceptedTerms {
            document: self.id.clone(),
            version: self.version.clone(),
            site: self.scope.site().cloned(),
            title: title.unwrap_or_default(),
            how: format!("alcyone terms accept {}", self.id),
        }
    }

    /// The text in a language, else in English, else in any.
    pub fn text_in<'t>(&'t self, language: &'t str) -> Option<(&'t str, &'t TermsText)> {
        let of = |language: &'t str| self.text.get(language).map(|text| (language, text));
        let any = || {
            self.text
                .iter()
                .next()
                .map(|(it, text)| (it.as_str(), text))
        };
        of(language).or_else(|| of("en")).or_else(any)
    }
}
