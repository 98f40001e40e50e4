//! `qstat` of many jobs in one request.

use site_adapter::{Error, ErrorKind, Result};

use super::asks;
use crate::attributes::{self, Told};
use crate::transport::{Command, Ran};

/// Ids in one command: over ssh all of them are one argument, of at most 128 KiB.
pub(crate) const IDS_AT_ONCE: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    /// For an answer that is no JSON: one user's variable is enough to break it.
    Text,
}

/// With `-E` all ids are one request to the server; without it the development branch's JSON has only
/// the first job. Ids that the server does not know are left out silently.
pub(crate) fn command(ids: &[&str], with_history: bool, format: Format) -> Command {
    let mut command = asks("qstat", &["-E"]);
    if with_history {
        command.args.push("-x".to_owned());
    }
    let format: &[&str] = match format {
        Format::Json => &["-f", "-F", "json"],
        Format::Text => &["-f", "-w"],
    };
    let words = format.iter().chain(ids);
    command.args.extend(words.map(|word| (*word).to_owned()));
    command
}

/// `None` for an answer that is not in the format.
pub(crate) fn parse(ran: &Ran, format: Format) -> Result<Option<Told>> {
    // With several ids the code is that of the last failure, and standard output has the others.
    if !ran.is_ok()
        && !matches!(
            ran.code,
            crate::answer::UNKNOWN_JOB | crate::answer::FINISHED
        )
    {
        return Err(ran.failure());
    }
    Ok(match format {
        Format::Json => attributes::from_json(&ran.stdout, "Jobs").ok(),
        Format::Text => Some(attributes::from_text(&ran.text())),
    })
}

pub(crate) fn unreadable(operation: &'static str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        operation,
        "the answer is no JSON, and no text either",
    )
}
