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
    /// The user is the server's own word and the first of the line: what stands behind it may be made
    /// up by whoever chose an account's or a project's name.
    pub(crate) fn is_of(&self, user: &str, name: &str) -> bool {
        let tells = |key: &str, value: &str| self.told.get(key).is_some_and(|told| told == value);
        tells("user", user) && tells("jobname", name)
    }
}

/// `None` for what is no line of the log. A value may be quoted (`account="acct42"`), with blanks, and
/// may hold `=`; a word without one belongs to the value before.
pub(crate) fn parse(line: &str) -> Option<Line> {
    let mut parts = line.splitn(4, ';');
    let (_, kind, id, message) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let mut letters = kind.chars();
    let (kind, rest) = (letters.next()?, letters.next());
    if rest.is_some() || id.is_empty() {
        return None;
    }
    let mut told = Attributes::new();
    let mut rest = message.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        if let Some((name, value)) = word.split_once('=') {
            let value = value.trim_matches('"').to_owned();
            told.entry(name.to_owned()).or_insert(value);
        }
        rest = after.trim_ascii_start();
    }
    Some(Line {
        kind,
        id: id.to_owned(),
        told,
    })
}

/// The first word, a quoted value as a whole, and what stands behind it.
fn word(text: &str) -> (&str, &str) {
    let blank = text.find(|c: char| c.is_ascii_whitespace());
    let blank = blank.unwrap_or(text.len());
    let (word, _) = text.split_at(blank);
    let closing = word.find("=\"").and_then(|quote| {
        let value = quote + 2;
        let closed = text.get(value..)?.find('"')?;
        Some(value + closed + 1)
    });
    text.split_at(closing.unwrap_or(blank))
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

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

    fn line(account: &str) -> Line {
        let text = format!(
            "11/20/2026 10:13:12;E;9.s;user=mallory group=m account=\"{account}\" project=p \
             jobname=own queue=q ctime=1 Exit_status=0"
        );
        parse(&text).unwrap()
    }

    /// `qsub -A 'x jobname=…'` is anybody's to say.
    #[test]
    fn an_account_with_blanks_is_one_value_and_makes_up_no_other() {
        let forged = line(&format!("x jobname={MARKER} Exit_status=7"));
        assert_eq!(forged.told["jobname"], "own");
        assert_eq!(forged.told["Exit_status"], "0");
        assert!(forged.told["account"].starts_with("x jobname="));
        assert!(forged.is_of("mallory", "own") && !forged.is_of("alice", MARKER));
    }

    /// PBS does not say how it writes a quotation mark in a name.
    #[test]
    fn a_job_is_its_owners_whatever_its_account_makes_of_the_line() {
        let forged = line(&format!("x\" jobname={MARKER} user=alice account=\"y"));
        assert!(!forged.is_of("alice", MARKER));
    }

    #[test]
    fn a_quotation_that_does_not_end_ends_with_its_word() {
        let line = parse("d;E;9.s;user=a account=\"x jobname=own").unwrap();
        assert_eq!(line.told["jobname"], "own");
    }
}
