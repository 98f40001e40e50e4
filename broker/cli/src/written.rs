//! Files that people write for a verb: TOML, or JSON.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use broker_client::Error;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::exit::Failure;

/// More is no file that a person wrote.
const LARGEST: u64 = 16 * 1024 * 1024;

/// A file with its name, for what is said of it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    text: String,
    is_json: bool,
}

impl Written {
    /// JSON if it is called so, else TOML; `-` is standard input, and JSON if it begins like that.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let text = if is_stdin { stdin() } else { file(path) };
        let text =
            text.map_err(|reason| Failure::Usage(format!("{name} cannot be read: {reason}")))?;
        let is_json = if is_stdin {
            text.trim_start().starts_with('{')
        } else {
            path.extension().is_some_and(|it| it == "json")
        };
        Ok(Self {
            name,
            text,
            is_json,
        })
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let parsed = if self.is_json {
            serde_json::from_str(&self.text).map_err(|error| error.to_string())
        } else {
            toml::from_str(&with_days_as_text(&self.text)).map_err(|error| error.to_string())
        };
        parsed.map_err(|reason| Failure::Usage(format!("{}: {}", self.name, plain(&reason))))
    }

    /// The line where a field such as `variants."x86_64+cuda".script` is set, or the table it is missing in.
    pub(crate) fn line_of(&self, field: &str) -> Option<usize> {
        if self.is_json {
            return None;
        }
        line_of(&self.text, field)
    }

    /// What the broker does not accept of it, at its lines; for programs its own words stay as they are.
    pub(crate) fn refused(&self, error: Error, what: &str, json: bool) -> anyhow::Error {
        match error {
            Error::Problem(problem)
                if !json && problem.status == 400 && !problem.errors.is_empty() =>
            {
                let said = problem
                    .errors
                    .iter()
                    .map(|it| match self.line_of(&it.field) {
                        Some(line) => format!("\n  line {line}: {it}"),
                        None => format!("\n  {it}"),
                    });
                let said: String = said.collect();
                Failure::Usage(format!("{} is not {what}:{said}", self.name)).into()
            }
            error => error.into(),
        }
    }
}

fn file(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn stdin() -> Result<String, String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("reading standard input, up to Ctrl-D");
    }
    let mut text = String::new();
    let read = stdin.lock().take(LARGEST).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(text)
}

/// Rust's names mean nothing to who writes a file.
fn plain(reason: &str) -> String {
    reason
        .replace("expected u32", "expected a whole number, not negative")
        .replace("expected a borrowed string", "expected a text")
}

/// A day may stand bare, as TOML has it, or in quotes, as JSON has it; lines stay as they are.
fn with_days_as_text(text: &str) -> String {
    let mut marks = Vec::new();
    if let Ok(document) = DeTable::parse(text) {
        days(document.get_ref(), &mut marks);
    }
    marks.sort_unstable();
    let mut quoted = text.to_owned();
    for at in marks.into_iter().rev() {
        if quoted.is_char_boundary(at) {
            quoted.insert(at, '"');
        }
    }
    quoted
}

/// Where bare days begin and end.
fn days(table: &DeTable<'_>, marks: &mut Vec<usize>) {
    let mut left: Vec<_> = table.values().collect();
    while let Some(value) = left.pop() {
        match value.get_ref() {
            DeValue::Datetime(_) => marks.extend([value.span().start, value.span().end]),
            DeValue::Array(array) => left.extend(array.iter()),
            DeValue::Table(table) => left.extend(table.values()),
            _ => {}
        }
    }
}

fn line_of(text: &str, field: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut at = None;
    for key in keys(field) {
        let Some((name, value)) = table.get_key_value(key) else {
            break;
        };
        at = Some(name.span().start);
        let DeValue::Table(inner) = value.get_ref() else {
            break;
        };
        table = inner;
    }
    Some(text.get(..at?)?.matches('\n').count() + 1)
}

/// The parts of a dotted key; a quoted one may hold dots.
fn keys(field: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let parts = field.split(move |c: char| {
        quoted ^= c == '"';
        c == '.' && !quoted
    });
    parts.map(|part| part.trim_matches('"'))
}

#[cfg(test)]
mod tests;
