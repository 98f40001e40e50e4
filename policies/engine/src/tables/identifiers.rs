use jiff::civil::Date;
use serde::Deserialize;

use super::{Confidence, bad_row, is_country_code, parse};
use crate::error::LoadError;
use crate::identifiers::{Check, is_form};
use crate::sources::Source;

/// What identifiers look like.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identifiers {
    pub(crate) vat: Vec<VatRow>,
    pub(crate) pic: PlainRow,
    pub(crate) lei: PlainRow,
    pub(crate) euid: EuidRow,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct VatRow {
    /// ISO 3166-1 alpha-2.
    pub(crate) country: String,
    /// The same in most states: `EL` is that of Greece.
    pub(crate) prefix: String,
    pub(crate) forms: Vec<FormRow>,
    #[expect(dead_code, reason = "people read it in the file")]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    pub(crate) confidence: Confidence,
    #[expect(dead_code, reason = "people read it in the file")]
    checked_on: Date,
    #[expect(dead_code, reason = "people read it in the file")]
    note: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainRow {
    pub(crate) forms: Vec<FormRow>,
    #[expect(dead_code, reason = "people read it in the file")]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    pub(crate) confidence: Confidence,
    #[expect(dead_code, reason = "people read it in the file")]
    checked_on: Date,
    #[expect(dead_code, reason = "people read it in the file")]
    note: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct EuidRow {
    pub(crate) longest: usize,
    #[expect(dead_code, reason = "people read it in the file")]
    #[serde(deserialize_with = "crate::tables::said")]
    source: String,
    #[expect(dead_code, reason = "nothing is summed that could be wrong")]
    confidence: Confidence,
    #[expect(dead_code, reason = "people read it in the file")]
    checked_on: Date,
    #[expect(dead_code, reason = "people read it in the file")]
    note: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormRow {
    pub(crate) form: String,
    /// None: the form is all that is looked at.
    pub(crate) check: Option<Check>,
}

impl Identifiers {
    pub(crate) fn load(source: &Source) -> Result<Self, LoadError> {
        let table: Self = parse(source)?;
        match table.wrong_prefix().or_else(|| table.wrong_form()) {
            Some((needle, reason)) => Err(bad_row(source, &needle, reason)),
            None => Ok(table),
        }
    }

    fn wrong_prefix(&self) -> Option<(String, String)> {
        let mut wrong = self.vat.iter().enumerate().filter_map(|(place, row)| {
            let mut earlier = self.vat.iter().take(place);
            let reason = if !is_country_code(&row.country) || !is_country_code(&row.prefix) {
                "country and prefix are two capital letters each"
            } else if earlier.any(|other| other.prefix == row.prefix) {
                "this prefix stands twice"
            } else {
                return None;
            };
            Some((row, reason))
        });
        let (row, reason) = wrong.next()?;
        let needle = format!("prefix = \"{}\"", row.prefix);
        Some((needle, format!("prefix `{}`: {reason}", row.prefix)))
    }

    fn wrong_form(&self) -> Option<(String, String)> {
        let vat = self.vat.iter().map(|row| (row.prefix.as_str(), &row.forms));
        let plain = [("pic", &self.pic.forms), ("lei", &self.lei.forms)];
        for (name, forms) in vat.chain(plain) {
            if forms.is_empty() {
                return Some((format!("\"{name}\""), format!("`{name}` has no form")));
            }
            if let Some(row) = forms.iter().find(|row| !is_form(&row.form)) {
                let reason = "is no form: # @ ? digits, capital letters, + and *";
                let needle = format!("\"{}\"", row.form);
                return Some((needle, format!("`{}` {reason}", row.form)));
            }
        }
        None
    }
}
