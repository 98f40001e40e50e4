//! `qstat` of one job.

use site_adapter::Result;

use super::asks;
use super::states::Format;
use crate::answer::{FINISHED, UNKNOWN_JOB};
use crate::attributes::{self, Told};
use crate::transport::{Command, Ran};

/// What the server says of one id.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The job, and the tasks of an array if they were asked for.
    Told(Told),
    /// Known to no queue, nor to the history that was asked.
    Unknown,
    /// In the history, which was not asked.
    Finished,
    NotJson,
    /// Neither told nor denied: history is off, or ports ran out.
    Silent,
}

pub(crate) fn command(id: &str, with_history: bool, with_tasks: bool, format: Format) -> Command {
    let mut command = asks("qstat", &[]);
    let format: &[&str] = match format {
        Format::Json => &["-f", "-F", "json"],
        Format::Text => &["-f", "-w"],
    };
    let history = with_history.then_some("-x");
    let tasks = with_tasks.then_some("-t");
    let words = history.iter().chain(&tasks).chain(format).chain([&id]);
    command.args.extend(words.map(|word| (*word).to_owned()));
    command
}

pub(crate) fn parse(ran: &Ran, format: Format) -> Result<Answer> {
    match ran.code {
        UNKNOWN_JOB => return Ok(Answer::Unknown),
        FINISHED => return Ok(Answer::Finished),
        0 => {}
        _ => return Err(ran.failure()),
    }
    let told = match format {
        Format::Json => match attributes::from_json(&ran.stdout, "Jobs") {
            Ok(told) => told,
            Err(_) => return Ok(Answer::NotJson),
        },
        Format::Text => attributes::from_text(&ran.text()),
    };
    Ok(if told.is_empty() {
        Answer::Silent
    } else {
        Answer::Told(told)
    })
}
