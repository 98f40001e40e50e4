//! What the wrapper wrote, read as the job's user by programs that every Linux has and without a shell.

use std::collections::HashMap;

use site_adapter::{Error, ErrorKind, LogStream, Result};

use crate::record_file::RecordFile;
use crate::transport::{Command, Ran};

/// At most this much of a log at once.
const MOST_LOG: usize = 1024 * 1024;
/// Records in one command, by the length of its arguments.
pub(crate) const RECORDS_AT_ONCE: usize = 500;

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

/// Records by the path of their file.
///
/// grep(1) exits 1 without a line and 2 when a file is missing; it is no failure of ours unless it
/// could not be run at all.
pub(crate) fn parse_records(ran: &Ran) -> Result<HashMap<String, RecordFile>> {
    if !matches!(ran.code, 0..=2) {
        return Err(ran.failure());
    }
    let text = ran.text();
    let mut lines: HashMap<&str, Vec<&str>> = HashMap::new();
    for (path, line) in text.lines().filter_map(split) {
        lines.entry(path).or_default().push(line);
    }
    let records = lines.into_iter();
    Ok(records
        .filter_map(|(path, lines)| Some((path.to_owned(), RecordFile::parse(lines)?)))
        .collect())
}

/// `path:start …`, `path:end …`, `path:   `; a work folder may have a colon in its name.
fn split(line: &str) -> Option<(&str, &str)> {
    let at = [":start ", ":end ", ":  "]
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
