//! What the wrapper wrote, read as the job's user by programs that every Linux has and without a shell.

use std::collections::HashMap;

use broker_model::AfterWhen;
use jiff::Timestamp;
use site_adapter::{Error, ErrorKind, LogStream, RemoteAfter, Result};

use crate::record_file::RecordFile;
use crate::times::epoch;
use crate::transport::{Command, Ran};

/// At most this much of a log at once.
const MOST_LOG: usize = 1024 * 1024;
/// Records in one command, by the length of its arguments.
pub(crate) const RECORDS_AT_ONCE: usize = 250;

fn command(
    operation: &'static str,
    program: &str,
    args: Vec<String>,
    most_bytes: usize,
) -> Command {
    Command {
        operation,
        program: program.to_owned(),
        args,
        stdin: Vec::new(),
        seconds: 0,
        most_bytes,
        acts: false,
        not_after: None,
    }
}

pub(crate) fn record_path(work_dir: &str, marker: &str) -> String {
    format!("{work_dir}/alcyone-{marker}.job")
}

/// A folder with a record for each task.
pub(crate) fn tasks_path(work_dir: &str, marker: &str) -> String {
    format!("{work_dir}/alcyone-{marker}.tasks")
}

/// Beside the record: the job was deleted while it ran, or was held for another.
pub(crate) fn cancel_path(work_dir: &str, marker: &str) -> String {
    format!("{work_dir}/alcyone-{marker}.cancel")
}

pub(crate) fn cancel_note(at: Timestamp) -> String {
    format!("cancel {}\n", at.as_second())
}

/// Beside the record: what the job waits for.
pub(crate) fn after_path(work_dir: &str, marker: &str) -> String {
    format!("{work_dir}/alcyone-{marker}.after")
}

/// `after att_…=completed att_…=ended`, by the markers of the jobs before.
pub(crate) fn after_note(after: &[RemoteAfter]) -> String {
    let words = after
        .iter()
        .map(|after| format!(" {}={}", after.marker, after.when.as_str()));
    format!("after{}\n", words.collect::<String>())
}

/// A new file with one line; where something is already, it stays (`O_EXCL`).
pub(crate) fn write_note(path: &str, line: &str) -> Command {
    let args = [&format!("of={path}"), "conv=excl", "status=none"];
    let args = args.map(str::to_owned).to_vec();
    Command {
        stdin: line.as_bytes().to_vec(),
        ..command("write a note", "dd", args, 1024)
    }
}

/// Every line of the records under their paths; what is not there is passed over. At most two lines
/// of each: the file is its user's, who may have put anything there.
pub(crate) fn read_records(paths: &[String]) -> Command {
    let options = [
        "-a", "-r", "-s", "-H", "-m", "2", "-D", "skip", "-e", "", "--",
    ];
    let mut args: Vec<String> = options.map(str::to_owned).to_vec();
    args.extend(paths.iter().cloned());
    command("read records", "grep", args, 8 * 1024 * 1024)
}

/// What a job waits for, by the notes on that and on its deletion; nothing if it was deleted.
pub(crate) fn parse_after(
    ran: &Ran,
    [after, cancel]: &[String; 2],
) -> Result<Vec<(String, AfterWhen)>> {
    let text = readable(ran)?;
    let lines = by_path(&text);
    if lines.contains_key(cancel.as_str()) {
        return Ok(Vec::new());
    }
    let note = lines.get(after.as_str()).and_then(|lines| lines.first());
    let words = note.map_or("", |line| line).split_ascii_whitespace();
    Ok(words.filter_map(condition).collect())
}

fn condition(word: &str) -> Option<(String, AfterWhen)> {
    let (marker, when) = word.split_once('=')?;
    let all = [AfterWhen::Completed, AfterWhen::Failed, AfterWhen::Ended];
    let when = all.into_iter().find(|known| known.as_str() == when)?;
    Some((marker.to_owned(), when))
}

/// Records by the path of their file, with the notes on cancels that were read beside them.
pub(crate) fn parse_records(ran: &Ran) -> Result<HashMap<String, RecordFile>> {
    let text = readable(ran)?;
    let lines = by_path(&text);
    let records = lines.iter().filter_map(|(path, own)| {
        let record = RecordFile::parse(own.iter().copied())?;
        Some(((*path).to_owned(), with_cancel(record, path, &lines)))
    });
    Ok(records.collect())
}

/// grep(1) exits 1 without a line and 2 when a file is missing; it is no failure of ours unless it
/// could not be run at all, which sudo tells with an exit code of 1 too.
fn readable(ran: &Ran) -> Result<String> {
    if !matches!(ran.code, 0..=2) || ran.is_denied_locally() {
        return Err(ran.failure());
    }
    Ok(ran.text())
}

fn by_path(text: &str) -> HashMap<&str, Vec<&str>> {
    let mut lines: HashMap<&str, Vec<&str>> = HashMap::new();
    for (path, line) in text.lines().filter_map(split) {
        lines.entry(path).or_default().push(line);
    }
    lines
}

fn with_cancel(record: RecordFile, path: &str, lines: &HashMap<&str, Vec<&str>>) -> RecordFile {
    let task = path.rsplit_once(".tasks/").map(|(base, _)| base);
    let base = task.or_else(|| path.strip_suffix(".job"));
    let note = base.and_then(|base| lines.get(format!("{base}.cancel").as_str()));
    let at = note
        .and_then(|lines| lines.first())
        .and_then(|line| epoch(line.strip_prefix("cancel ")?));
    match at {
        Some(at) => record.deleted(at, task.is_some()),
        None => record,
    }
}

/// `path:start …`, `path:end …`, `path:   `, or a note; a work folder may have a colon in its name.
fn split(line: &str) -> Option<(&str, &str)> {
    let at = [":start ", ":end ", ":  ", ":cancel ", ":after "]
        .iter()
        .filter_map(|sign| line.find(sign))
        .min()?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// dd(1) reads a piece from an offset, and no more. The file is its user's, who may have put a pipe or a
/// link in its place: neither is waited for or followed.
pub(crate) fn read_log(path: &str, offset: u64, most_bytes: usize) -> Command {
    let most_bytes = most_bytes.min(MOST_LOG);
    let args = vec![
        format!("if={path}"),
        "bs=64K".to_owned(),
        "iflag=skip_bytes,count_bytes,nonblock,nofollow".to_owned(),
        format!("skip={offset}"),
        format!("count={most_bytes}"),
        "status=none".to_owned(),
    ];
    command("read log", "dd", args, most_bytes)
}

pub(crate) fn parse_log(ran: Ran) -> Result<Vec<u8>> {
    let nothing = [
        "No such file or directory",
        "cannot skip to specified offset",
    ];
    if ran.is_ok() || nothing.iter().any(|sign| ran.stderr.contains(sign)) {
        return Ok(ran.stdout);
    }
    let said = crate::answer::words(&ran.stderr);
    Err(Error::new(ErrorKind::Local, "read log", said))
}

/// Exits 0 if the work folder is there: only then is a record that is missing a sign of anything.
pub(crate) fn is_folder(path: &str) -> Command {
    command(
        "look at the work folder",
        "test",
        vec!["-d".to_owned(), path.to_owned()],
        1024,
    )
}

pub(crate) const fn ending(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Stdout => "out",
        LogStream::Stderr => "err",
    }
}
