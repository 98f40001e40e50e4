//! `qstat -a -w -t`: one line for each job and task, from which what is still to run is added up.
//!
//! Not the attributes of all jobs: that is twenty times as much, costs the server seconds, and one
//! user's variable breaks it. The table has no variables, and no name in it has a blank.

use std::collections::BTreeMap;

use site_adapter::Result;

use super::asks;
use crate::transport::{Command, Ran};

/// What a queue's jobs may still take, by their walltimes.
pub(crate) type NodeSeconds = BTreeMap<String, u64>;

/// A queue's name is cut to the width of its column, the last letter an asterisk.
const QUEUE_WIDTH: usize = 15;

pub(crate) fn command() -> Command {
    asks("qstat", &["-a", "-w", "-t"])
}

/// `None` where something was said beside the table: it may be short of jobs.
pub(crate) fn parse(ran: &Ran) -> Result<Option<NodeSeconds>> {
    if !ran.is_ok() {
        return Err(ran.failure());
    }
    if ran.is_noisy() {
        return Ok(None);
    }
    let mut sums = NodeSeconds::new();
    for (queue, seconds) in ran.text().lines().filter_map(row) {
        let sum = sums.entry(queue).or_default();
        *sum = sum.saturating_add(seconds);
    }
    Ok(Some(sums))
}

/// The sum of a queue. 0 without jobs.
pub(crate) fn of_queue(sums: &NodeSeconds, queue: &str) -> u64 {
    let cut = queue.get(..QUEUE_WIDTH - 1).map(|head| format!("{head}*"));
    let cut = cut.filter(|_| queue.len() > QUEUE_WIDTH);
    sums.get(cut.as_deref().unwrap_or(queue))
        .copied()
        .unwrap_or(0)
}

/// `id user queue name session nodes tasks memory walltime state elapsed`. Held jobs wait for no node;
/// one without a walltime says nothing; an array stands for its tasks, which have lines of their own.
fn row(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [
        id,
        _,
        queue,
        _,
        _,
        nodes,
        _,
        _,
        walltime,
        state,
        elapsed,
        ..,
    ] = words.as_slice()
    else {
        return None;
    };
    let is_whole_array = id.contains("[]");
    if is_whole_array || !id.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (nodes, walltime) = (nodes.parse::<u64>().ok()?, minutes(walltime)?);
    let left = match *state {
        "Q" | "T" => walltime,
        "R" | "S" | "U" => walltime.saturating_sub(minutes(elapsed).unwrap_or(0)),
        _ => return None,
    };
    Some(((*queue).to_owned(), left.saturating_mul(nodes)))
}

/// Hours and minutes, in seconds: `00:10`, `120:00`.
fn minutes(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, stderr: &str) -> Option<NodeSeconds> {
        let ran = Ran {
            operation: "qstat",
            code: 0,
            stdout: text.as_bytes().to_vec(),
            stderr: stderr.to_owned(),
        };
        parse(&ran).unwrap()
    }

    #[test]
    fn tasks_count_and_their_array_does_not_and_a_long_queue_is_known_by_its_head() {
        let sums = told(
            "6[].s  alice  a-queue-of-man* STDIN -- 1 1 -- 01:00 B --\n\
             6[0].s alice  a-queue-of-man* STDIN 17 1 1 -- 01:00 X 00:05\n\
             6[1].s alice  a-queue-of-man* STDIN 18 1 1 -- 01:00 R 00:59\n\
             6[2].s alice  a-queue-of-man* STDIN -- 1 1 -- 01:00 Q --\n",
            "",
        );
        let sums = sums.unwrap();
        assert_eq!(of_queue(&sums, "a-queue-of-many-letters"), 61 * 60);
        assert_eq!(of_queue(&sums, "another"), 0);
    }

    #[test]
    fn a_table_beside_a_complaint_is_not_added_up() {
        assert_eq!(told("", "pbs_iff: all reserved ports in use\n"), None);
        assert_eq!(told("", ""), Some(NodeSeconds::new()));
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let line = "1.s a q n -- 99999999999 1 -- 99999999999999:00 Q --";
        assert_eq!(told(line, "").unwrap()["q"], u64::MAX);
    }
}
