//! One file per command: its arguments beside the reading of its answer.

pub(crate) mod accounting;
pub(crate) mod backlog;
pub(crate) mod cancel;
pub(crate) mod files;
pub(crate) mod job;
pub(crate) mod nodes;
pub(crate) mod queues;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod states;
pub(crate) mod submit;

#[cfg(test)]
pub(crate) mod tests;

use crate::transport::Command;

/// A qstat of 1 000 jobs is 1.5 MB.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A PBS command that asks; its program is put together with `bin_dir` later.
fn asks(operation: &'static str, args: &[&str]) -> Command {
    Command {
        operation,
        program: operation.to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        stdin: Vec::new(),
        seconds: 0,
        most_bytes: MOST_BYTES,
        acts: false,
        not_after: None,
    }
}

/// Of the id: `25`, `7[]`.
pub(crate) fn number(id: &str) -> &str {
    id.split_once('.').map_or(id, |(number, _)| number)
}

/// `25.pbshead`, `7[].pbshead`, `25`: what may stand in an argument, since an operand that is no id is
/// taken for a queue's name and lists that queue.
pub(crate) fn is_job_id(id: &str) -> bool {
    let (number, server) = id.split_once('.').unwrap_or((id, "s"));
    let number = number.strip_suffix("[]").unwrap_or(number);
    let is_number = (1..=12).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    is_number && !server.is_empty() && server.len() <= 255 && server.bytes().all(is_host)
}
