//! Forms that show again what was typed, with what is wrong at each field.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::http::StatusCode;
use broker_app::Error;
use broker_model::InvalidSpec;
use jiff::civil::Date;

use crate::faults;
use crate::fields::{Fields, wrong};
use crate::frame::Frame;
use crate::refusal::Refusal;
use crate::texts::Texts;

const A_DAY: &str = "a day, as 2026-11-20";

/// One entry of a choice.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) words: String,
}

impl Choice {
    /// Words of the catalogues behind an entry for none of them.
    pub(crate) fn of_words(texts: Texts, none: &str, words: &[&str]) -> Vec<Self> {
        let none = Self {
            value: String::new(),
            words: texts.of(none).to_owned(),
        };
        let said = words.iter().map(|word| Self {
            value: (*word).to_owned(),
            words: texts.word(word),
        });
        std::iter::once(none).chain(said).collect()
    }
}

/// Fields bear the names that use cases have for them, so that a fault finds its field by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed {
    fields: Fields,
    pub(crate) faults: Vec<InvalidSpec>,
    /// What the page calls fields that are not called so everywhere.
    pub(crate) labels: BTreeMap<String, String>,
    /// What is wrong with no single field.
    pub(crate) notice: Option<String>,
    pub(crate) status: StatusCode,
}

impl From<Fields> for Typed {
    fn from(fields: Fields) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }
}

/// What the templates ask.
impl Typed {
    pub(crate) fn value(&self, name: &str) -> &str {
        self.fields.text(name).unwrap_or_default()
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// Something stands in a field whose name begins so.
    pub(crate) fn has_any(&self, prefix: &str) -> bool {
        self.beginning(prefix).any(|(_, text)| !text.is_empty())
    }

    /// None where the page has no words for the field.
    pub(crate) fn label(&self, f: &Frame, name: &str) -> Option<String> {
        let own = self.labels.get(name).cloned();
        own.or_else(|| faults::label(f.texts, f.here, name))
    }

    pub(crate) fn fault(&self, name: &str) -> Option<&InvalidSpec> {
        self.faults.iter().find(|it| it.field == name)
    }
}

/// What handlers read; each wrong field is one more fault.
impl Typed {
    /// Browsers end lines with CR LF.
    pub(crate) fn text(&self, name: &str) -> String {
        self.value(name).replace("\r\n", "\n").trim().to_owned()
    }

    pub(crate) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|it| !it.is_empty())
    }

    pub(crate) fn yes_or_no(&self, name: &str) -> Option<bool> {
        match self.value(name) {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    /// Apart by commas.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let parts = self.value(name).split(',').map(str::trim);
        parts
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The ids whose boxes are ticked: fields of that name, a dot and the id.
    pub(crate) fn ticked(&self, list: &str) -> Vec<String> {
        let prefix = format!("{list}.");
        let ticked = { self.beginning(&prefix) }.filter(|(_, text)| *text == "yes");
        let ids = ticked.filter_map(|(name, _)| name.strip_prefix(&prefix));
        ids.map(str::to_owned).collect()
    }

    /// Ticks the boxes of a list that an older link, or one typed by hand, names apart by commas.
    pub(crate) fn tick_listed(&mut self, list: &str) {
        for id in self.list(list) {
            self.fields.put(format!("{list}.{id}"), "yes".to_owned());
        }
    }

    pub(crate) fn beginning<'f>(
        &'f self,
        prefix: &'f str,
    ) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.fields.beginning(prefix)
    }

    pub(crate) fn wrong(&mut self, name: &str, reason: &str, allowed: &str) {
        self.faults.push(wrong(name, reason, allowed));
    }

    /// Nothing where nothing stands, and where it cannot be read.
    pub(crate) fn read<T: FromStr>(&mut self, name: &str, allowed: &str) -> Option<T> {
        let text = self.some(name)?;
        let read = text.parse().ok();
        if read.is_none() {
            let reason = format!("`{}` cannot be read", text.escape_debug());
            self.wrong(name, &reason, allowed);
        }
        read
    }

    /// The same where something has to stand.
    pub(crate) fn need<T: FromStr>(&mut self, name: &str, allowed: &str) -> Option<T> {
        if self.some(name).is_none() {
            self.wrong(name, "is missing", allowed);
        }
        self.read(name, allowed)
    }

    pub(crate) fn day(&mut self, name: &str) -> Option<Date> {
        self.read(name, A_DAY)
    }

    pub(crate) fn needed_day(&mut self, name: &str) -> Option<Date> {
        self.need(name, A_DAY)
    }

    /// A number with up to two decimals, in hundredths; a comma is a point.
    pub(crate) fn hundredths(&mut self, name: &str) -> Option<u64> {
        let text = self.some(name)?;
        let read = hundredths(&text);
        if read.is_none() {
            let reason = format!("`{}` cannot be read", text.escape_debug());
            self.wrong(name, &reason, "a number with up to two decimals: 249.5");
        }
        read
    }

    /// Whole euros; spaces between groups of digits are no harm.
    pub(crate) fn euros(&mut self, name: &str) -> Option<u64> {
        let text = self.some(name)?;
        let digits: String = text.chars().filter(|it| !it.is_whitespace()).collect();
        let read = digits.parse().ok();
        if read.is_none() {
            let reason = format!("`{}` cannot be read", text.escape_debug());
            self.wrong(name, &reason, "whole euros: 1250000");
        }
        read
    }

    pub(crate) fn is_wrong(&self) -> bool {
        !self.faults.is_empty() || self.notice.is_some()
    }

    /// What could not be read at all.
    pub(crate) fn unread(mut self) -> Self {
        self.status = StatusCode::BAD_REQUEST;
        self
    }

    pub(crate) fn with_notice(mut self, status: StatusCode, words: String) -> Self {
        (self.status, self.notice) = (status, Some(words));
        self
    }

    /// A use case sees an empty text, or none of a number, where a form sees an empty field.
    fn as_left_out(&self, mut fault: InvalidSpec) -> InvalidSpec {
        let is_empty =
            ["says nothing", "is 0", "asks for nothing"].contains(&fault.reason.as_str());
        if is_empty && self.some(&fault.field).is_none() {
            "is missing".clone_into(&mut fault.reason);
        }
        fault
    }

    /// With what a use case says against it; what no form can mend is a page of its own.
    pub(crate) fn refused(mut self, texts: Texts, error: Error) -> Result<Self, Refusal> {
        match error {
            Error::Invalid(_, faults) => {
                let told = faults.into_iter().map(|it| self.as_left_out(it));
                let told: Vec<InvalidSpec> = told.collect();
                self.faults.extend(told);
                Ok(self.unread())
            }
            Error::OtherDocument { .. } => {
                let words = texts.of("form.other_document").to_owned();
                Ok(self.with_notice(StatusCode::CONFLICT, words))
            }
            error @ (Error::AlreadySo(_) | Error::NotWaiting(_)) => {
                Ok(self.with_notice(StatusCode::CONFLICT, error.to_string()))
            }
            error => Err(error.into()),
        }
    }
}

/// `249.5` is 24 950.
fn hundredths(text: &str) -> Option<u64> {
    let text = text.replace(',', ".");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || decimals.len() > 2 || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let decimals: u64 = format!("{decimals:0<2}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(decimals)
}

/// The other way, without needless zeros.
pub(crate) fn of_hundredths(hundredths: u64) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:02}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
