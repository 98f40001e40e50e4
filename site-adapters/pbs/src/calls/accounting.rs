//! The server's accounting log: a file a day, `MM/DD/YYYY HH:MM:SS;T;id;key=value …`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use site_adapter::{Error, ErrorKind, Result};

use crate::attributes::Attributes;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// `Q` queued, `S` start, `E` end, `D` delete, `R` rerun, `A` abort, and others.
    pub(crate) kind: char,
    pub(crate) id: String,
    pub(crate) told: Attributes,
}

impl Line {
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.told.get("jobname").is_some_and(|known| known == name)
    }
}

/// `None` for what is no line of the log. A value may be quoted (`account="acct42"`), and may hold
/// `=`; a word without one belongs to the value before.
pub(crate) fn parse(line: &str) -> Option<Line> {
    let mut parts = line.splitn(4, ';');
    let (_, kind, id, message) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut letters = kind.chars();
    let (kind, rest) = (letters.next()?, letters.next());
    if rest.is_some() || id.is_empty() {
        return None;
    }
    let mut told = Attributes::new();
    for word in message.split_ascii_whitespace() {
        if let Some((name, value)) = word.split_once('=') {
            let value = value.trim_matches('"').to_owned();
            told.entry(name.to_owned()).or_insert(value);
        }
    }
    Some(Line {
        kind,
        id: id.to_owned(),
        told,
    })
}

/// Bytes of one line that are looked at; a longer one is not ours.
const LONGEST: u64 = 64 * 1024;

/// The lines since a day that the test takes, in their order.
///
/// A file that is missing is a day without jobs; a folder that cannot be read is an error.
pub(crate) fn search(
    folder: &Path,
    since: Timestamp,
    wanted: &(dyn Fn(&Line) -> bool + Sync),
) -> Result<Vec<Line>> {
    let failed = |error: std::io::Error| {
        let message = format!(
            "{} cannot be read; is it the agent's to read?",
            folder.display()
        );
        Error::new(ErrorKind::Local, "accounting", message).caused_by(error)
    };
    // The server names files by its own zone's day.
    let first = since
        .to_zoned(TimeZone::UTC)
        .date()
        .yesterday()
        .unwrap_or(jiff::civil::Date::MIN);
    let first = first.strftime("%Y%m%d").to_string();
    let mut days: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.len() == 8 && name >= first.as_str() && name.bytes().all(|b| b.is_ascii_digit()) {
            days.push(path);
        }
    }
    days.sort();
    let mut found = Vec::new();
    for day in days {
        let mut reader = BufReader::new(File::open(&day).map_err(failed)?);
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let mut bounded = std::io::Read::take(&mut reader, LONGEST);
            if bounded.read_until(b'\n', &mut buffer).map_err(failed)? == 0 {
                break;
            }
            let line = parse(&String::from_utf8_lossy(&buffer));
            found.extend(line.filter(|line| wanted(line)));
        }
    }
    Ok(found)
}
