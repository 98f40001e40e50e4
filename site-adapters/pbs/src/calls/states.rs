//! `qstat` of many jobs in one request.

use std::collections::BTreeMap;

use site_adapter::{Error, ErrorKind, Result};

use super::{asks, number};
use crate::attributes::{self, Attributes, Told};
use crate::transport::{Command, Ran};

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

/// The ids in as few commands as their bytes allow. Where the whole ids do not fit into one, their
/// numbers are asked for (`25`, `7[]`), to which qstat adds its server's name.
pub(crate) fn batches<'a>(ids: &[&'a str], most_bytes: usize) -> Vec<Vec<&'a str>> {
    let all: usize = ids.iter().map(|id| bytes(id)).sum();
    let is_long = all > most_bytes;
    let mut batches = Vec::new();
    let (mut batch, mut size) = (Vec::new(), 0);
    for id in ids.iter().map(|id| if is_long { number(id) } else { id }) {
        if size + bytes(id) > most_bytes && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            size = 0;
        }
        size += bytes(id);
        batch.push(id);
    }
    batches.push(batch);
    batches
}

/// With the blank after it, and the quotes that the brackets of an array need in two shells.
fn bytes(id: &str) -> usize {
    let quotes = if id.contains('[') { 8 } else { 0 };
    id.len() + 1 + quotes
}

/// `None` for an answer that is not in the format.
pub(crate) fn parse(ran: &Ran, format: Format) -> Result<Option<Told>> {
    parse_as(ran, format, &|_, told| Some(told))
}

/// The same, each job read as it comes: all that ten thousand jobs tell is a hundred megabytes.
pub(crate) fn parse_as<T>(
    ran: &Ran,
    format: Format,
    read: &dyn Fn(&str, Attributes) -> Option<T>,
) -> Result<Option<BTreeMap<String, T>>> {
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
        Format::Json => attributes::from_json_as(&ran.stdout, "Jobs", read).ok(),
        Format::Text => {
            let text = String::from_utf8_lossy(&ran.stdout);
            Some(attributes::from_text_as(&text, read))
        }
    })
}

pub(crate) fn unreadable(operation: &'static str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        operation,
        "the answer is no JSON, and no text either",
    )
}
