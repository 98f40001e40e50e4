//! Identifiers of organisations: VAT number, PIC, EUID and LEI, by form and check digits.
//!
//! Nothing here knows whether a number was ever given to anybody; that is for VIES and the
//! registers to say. Forms are data, rules of check digits are code. No crate is used: those for
//! VAT numbers say only yes or no, where a number nobody can check must be told from a wrong one.

mod check;
mod euid;
mod form;
mod vat;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::check::Check;
pub(crate) use self::form::is_form;
use crate::engine::Engine;
use crate::tables::{Confidence, FormRow, PlainRow};

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    Vat,
    /// Participant Identification Code of the Funding and Tenders Portal.
    Pic,
    /// European Unique Identifier of a company in its register.
    Euid,
    /// Legal Entity Identifier, ISO 17442.
    Lei,
}

/// An identifier of the right form. Whether it exists is not said.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct CheckedIdentifier {
    pub kind: IdentifierKind,
    /// In capitals and without white space; a VAT number with its prefix and without dots and hyphens.
    pub value: String,
    pub checksum: Checksum,
    /// What a person may want to look at; it is no fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    Passed,
    /// It has none, or none that anybody here is sure of.
    NotChecked,
}

/// An identifier that cannot be one: which, why, and what may stand there.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct IdentifierFault {
    /// The kind: `vat`.
    pub field: String,
    pub reason: String,
    pub allowed: String,
}

impl Engine {
    /// Checks form and check digits, and writes it the one way it is kept.
    ///
    /// The country is that of establishment: it lends its prefix to a VAT number without one. A
    /// number of another country is noted and not refused, since one may be registered abroad.
    pub fn check_identifier(
        &self,
        kind: IdentifierKind,
        value: &str,
        country: Option<&str>,
    ) -> Result<CheckedIdentifier, IdentifierFault> {
        let table = &self.tables().identifiers;
        let countries = &self.tables().countries;
        match kind {
            IdentifierKind::Vat => vat::check(&table.vat, countries, value, country),
            IdentifierKind::Euid => euid::check(&table.euid, countries, value, country),
            IdentifierKind::Pic => plain(kind, &table.pic, value),
            IdentifierKind::Lei => plain(kind, &table.lei, value),
        }
    }
}

impl IdentifierKind {
    pub const ALL: [Self; 4] = [Self::Vat, Self::Pic, Self::Euid, Self::Lei];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vat => "vat",
            Self::Pic => "pic",
            Self::Euid => "euid",
            Self::Lei => "lei",
        }
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl IdentifierFault {
    fn new(kind: IdentifierKind, reason: String, allowed: String) -> Self {
        Self {
            field: kind.to_string(),
            reason,
            allowed,
        }
    }
}

impl fmt::Display for IdentifierFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            reason,
            allowed,
        } = self;
        write!(f, "`{field}`: {reason}; allowed: {allowed}")
    }
}

impl std::error::Error for IdentifierFault {}

fn plain(
    kind: IdentifierKind,
    row: &PlainRow,
    value: &str,
) -> Result<CheckedIdentifier, IdentifierFault> {
    let value = form::compact(value);
    let Some(fit) = form::fitting(&row.forms, &value) else {
        let reason = format!("`{}` has not the form of a {kind}", form::shortened(&value));
        return Err(IdentifierFault::new(
            kind,
            reason,
            form::allowed("", &row.forms),
        ));
    };
    let (checksum, note) = judged(kind, fit, row.confidence, &value, &value)?;
    Ok(CheckedIdentifier {
        kind,
        value,
        checksum,
        note,
    })
}

/// What the check digits of `text` say; a rule that is not certain refuses nothing.
fn judged(
    kind: IdentifierKind,
    row: &FormRow,
    confidence: Confidence,
    text: &str,
    value: &str,
) -> Result<(Checksum, Option<String>), IdentifierFault> {
    let holds = row.check.and_then(|check| check.holds(text));
    match (holds, confidence) {
        (None, _) | (Some(true), Confidence::Uncertain) => Ok((Checksum::NotChecked, None)),
        (Some(true), Confidence::Certain) => Ok((Checksum::Passed, None)),
        (Some(false), Confidence::Uncertain) => {
            let note = "its check digits do not fit, by a rule that is not certain";
            Ok((Checksum::NotChecked, Some(note.into())))
        }
        (Some(false), Confidence::Certain) => Err(IdentifierFault::new(
            kind,
            format!("the check digits of `{value}` do not fit: one of its signs is mistyped"),
            "a number whose check digits fit the rest".into(),
        )),
    }
}
