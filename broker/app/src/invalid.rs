//! What people hand in, and which field of it cannot be taken.

use broker_model::{InvalidSpec, turns_writing};

use crate::{Error, Result};

/// Who mends so many is told the next ones then: a list of a megabyte may be wrong in every element.
const MOST_TOLD: usize = 100;

/// Collects what is wrong, so that it is said at once: the first [`MOST_TOLD`], the others are counted.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    told: Vec<InvalidSpec>,
    untold: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, field: &str, reason: impl Into<String>, allowed: &str) {
        if self.told.len() >= MOST_TOLD {
            self.untold += 1;
            return;
        }
        self.told.push(InvalidSpec {
            field: field.to_owned(),
            reason: reason.into(),
            allowed: allowed.to_owned(),
        });
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
        } else if let Some(turning) = text.chars().find(|c| turns_writing(*c)) {
            let sign = u32::from(turning);
            format!("has a sign that turns the direction of writing (U+{sign:04X})")
        } else {
            return;
        };
        self.add(
            field,
            reason,
            &format!("1 to {most} characters of plain text"),
        );
    }

    /// The same for a name, which stands in one line of tables and lists.
    pub(crate) fn check_name(&mut self, field: &str, text: &str, most: usize) {
        if text.contains(char::is_control) {
            let allowed = format!("1 to {most} characters of plain text in one line");
            self.add(field, "has a control character or a line end", &allowed);
        } else {
            self.check_text(field, text, most);
        }
    }

    /// Refuses what was handed in as a `what` if anything is wrong with it.
    pub(crate) fn check(self, what: &'static str) -> Result<()> {
        if self.told.is_empty() {
            return Ok(());
        }
        Err(self.into_error(what))
    }

    pub(crate) fn all(&self) -> &[InvalidSpec] {
        &self.told
    }

    /// Those that are not told among them.
    pub(crate) const fn count(&self) -> usize {
        self.told.len() + self.untold
    }

    pub(crate) fn extend(&mut self, others: Vec<InvalidSpec>) {
        let room = MOST_TOLD.saturating_sub(self.told.len());
        self.untold += others.len().saturating_sub(room);
        self.told.extend(others.into_iter().take(room));
    }

    pub(crate) fn into_error(self, what: &'static str) -> Error {
        Error::Invalid(what, self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_a_name_has_one_and_neither_turns_the_writing_around() {
        let told = |check: fn(&mut Faults, &str, &str, usize), text: &str| {
            let mut faults = Faults::default();
            check(&mut faults, "it", text, 40);
            faults.count()
        };
        for fine in ["Pleione", "Ωμέγα Α.Ε.", "שלום 7", "r\u{e9}seau"] {
            assert_eq!(told(Faults::check_name, fine), 0, "{fine}");
        }
        assert_eq!(told(Faults::check_text, "one\n\ttwo"), 0);
        for name in [
            "one\ntwo",
            "one\ttwo",
            "a\u{7}",
            "a\u{9b}1m",
            "K\u{202e}live",
            "",
        ] {
            assert_eq!(told(Faults::check_name, name), 1, "{name:?}");
        }
        for text in ["a\u{9b}1m", "a\u{0}", "\u{2066}a", "\u{200f}a", "a\u{61c}"] {
            assert_eq!(told(Faults::check_text, text), 1, "{text:?}");
        }
    }

    #[test]
    fn of_very_many_faults_the_first_are_told_and_all_are_counted() {
        let mut faults = Faults::default();
        for number in 0..150 {
            faults.add(&format!("line {number}"), "is wrong", "right");
        }
        faults.extend(faults.all().to_vec());
        assert_eq!((faults.all().len(), faults.count()), (MOST_TOLD, 250));
        let Error::Invalid(_, told) = faults.into_error("table") else {
            panic!("another error");
        };
        assert_eq!(told.last().unwrap().field, "line 99");
    }
}
