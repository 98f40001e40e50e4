//! What people hand in, and which field of it cannot be taken.

use broker_model::InvalidSpec;

use crate::{Error, Result};

/// Who mends so many is told the next ones then: a list of a megabyte may be wrong in every element.
const MOST: usize = 100;

/// Collects what is wrong, so that all of it is said at once, up to [`MOST`].
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<InvalidSpec>);

impl Faults {
    pub(crate) fn add(&mut self, field: &str, reason: impl Into<String>, allowed: &str) {
        if self.0.len() < MOST {
            self.0.push(InvalidSpec {
                field: field.to_owned(),
                reason: reason.into(),
                allowed: allowed.to_owned(),
            });
        }
    }

    /// A text for people to read: so many characters at most, and something beside white space.
    pub(crate) fn check_text(&mut self, field: &str, text: &str, most: usize) {
        let length = text.chars().count();
        let reason = if text.trim().is_empty() {
            "says nothing".to_owned()
        } else if length > most {
            format!("has {length} characters")
        } else if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            "has a control character".to_owned()
        } else {
            return;
        };
        self.add(
            field,
            reason,
            &format!("1 to {most} characters of plain text"),
        );
    }

    /// Refuses what was handed in as a `what` if anything is wrong with it.
    pub(crate) fn check(self, what: &'static str) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.into_error(what))
    }

    pub(crate) fn all(&self) -> &[InvalidSpec] {
        &self.0
    }

    pub(crate) fn extend(&mut self, others: Vec<InvalidSpec>) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(others.into_iter().take(room));
    }

    pub(crate) fn into_error(self, what: &'static str) -> Error {
        Error::Invalid(what, self.0)
    }
}
