//! Days on which somebody says to have held something against its source, and that have not come yet.

use jiff::civil::Date;

use crate::error::{Fault, LoadError, line_of};
use crate::sources::{Source, Sources};

/// `checked_on = "2026-11-20"` of tables and modes, `@checked_on("2026-11-20")` of rules.
const FIELD: &str = "checked_on";

pub(crate) fn check(sources: &Sources, today: Date) -> Result<(), LoadError> {
    let ahead = |source| first_after(source, today);
    sources.all().find_map(ahead).map_or(Ok(()), Err)
}

fn first_after(source: &Source, today: Date) -> Option<LoadError> {
    let text = &source.text;
    text.match_indices(FIELD).find_map(|(offset, _)| {
        let behind = text.get(offset + FIELD.len()..)?;
        let day = behind.trim_start_matches([' ', '=', '(', '"', '\'']);
        let day: Date = day.get(..10)?.parse().ok()?;
        let error = || LoadError::new(&source.name, Fault::CheckedAhead(day));
        (day > today).then(|| error().at_line(Some(line_of(text, offset))))
    })
}
