//! `qsub`.

use std::fmt::Write as _;

use broker_model::AfterWhen;
use site_adapter::{Error, ErrorKind, Result, Submission};

use super::is_job_id;
use crate::config::{PartitionSettings, PbsSettings, is_word};
use crate::transport::{Command, Ran};

/// Where a submission goes, with what the settings say of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) settings: &'a PbsSettings,
    pub(crate) queue: &'a str,
    pub(crate) partition: &'a PartitionSettings,
    /// The server has no such resource as its accelerators: a job that wants none must not say so.
    pub(crate) lacks_gpus: bool,
}

impl Place<'_> {
    pub(crate) fn gpu_resource(&self) -> &str {
        self.settings.gpus_of(self.partition)
    }

    pub(crate) fn cpus_per_node(&self, submission: &Submission) -> u32 {
        let asked = submission.work.resources.cpus_per_node;
        asked.or(self.partition.cpus_per_node).unwrap_or(1)
    }

    pub(crate) fn memory_gib_per_node(&self, submission: &Submission) -> u32 {
        let asked = submission.work.resources.memory_gib_per_node;
        asked.or(self.partition.memory_gib_per_node).unwrap_or(1)
    }
}

/// In the foreground (`-f`): otherwise a process that outlives ours talks with the server, and may do
/// so after the attempt was looked for in vain.
pub(crate) fn command(
    submission: &Submission,
    script: String,
    place: &Place<'_>,
) -> Result<Command> {
    let (work, account) = (&submission.work, &submission.account);
    let mut args: Vec<String> = vec!["-f".to_owned()];
    let mut put = |option: &str, value: String| args.extend([option.to_owned(), value]);
    put("-N", submission.marker());
    put("-q", place.queue.to_owned());
    put(
        "-r",
        if is_rerunnable(submission) { "y" } else { "n" }.to_owned(),
    );
    put("-S", "/bin/sh".to_owned());
    put("-m", "n".to_owned());
    // Our wrapper writes the logs, so that they can be read while it runs.
    put("-o", "/dev/null".to_owned());
    put("-e", "/dev/null".to_owned());
    put("-l", format!("select={}", select(submission, place)));
    // The host, which may be cut into several vnodes.
    let shared = if work.exclusive { ":exclhost" } else { "" };
    put("-l", format!("place=scatter{shared}"));
    put(
        "-l",
        format!("walltime={}", work.resources.walltime.seconds()),
    );
    for (name, value) in &place.partition.job {
        put("-l", format!("{name}={value}"));
    }
    if let Some(name) = &account.account {
        put("-A", checked_account(name)?);
    }
    if account.qos.is_some() {
        return Err(refused(
            "the site's account table names a QOS and PBS has none; take it out there",
        ));
    }
    if let Some(range) = array(submission) {
        put("-J", range);
    }
    if let Some(depend) = depend(submission)? {
        put("-W", format!("depend={depend}"));
    }
    Ok(Command {
        operation: "qsub",
        program: "qsub".to_owned(),
        args,
        stdin: script.into_bytes(),
        seconds: place.settings.submit_seconds,
        most_bytes: 64 * 1024,
        acts: true,
        not_after: None,
    })
}

/// Never, unless the user's code may be; but PBS takes no array that is not, and there the wrapper sees
/// to it alone.
fn is_rerunnable(submission: &Submission) -> bool {
    submission.work.restartable || array(submission).is_some()
}

/// Every resource by name and number, none as well: one that is not asked for and that the queue
/// limits is given in full.
fn select(submission: &Submission, place: &Place<'_>) -> String {
    let (work, settings) = (&submission.work, place.settings);
    let mut chunk = format!(
        "{}:{}={}:{}={}gb",
        work.resources.nodes,
        settings.cpu_resource,
        place.cpus_per_node(submission),
        settings.memory_resource,
        place.memory_gib_per_node(submission)
    );
    let gpus = work.scheduler_gpus_per_node();
    if gpus > 0 || !place.lacks_gpus {
        let _ = write!(chunk, ":{}={gpus}", place.gpu_resource());
    }
    for (name, value) in &place.partition.chunk {
        let _ = write!(chunk, ":{name}={value}");
    }
    chunk
}

/// PBS has no array of one.
fn array(submission: &Submission) -> Option<String> {
    let array = submission.work.array.filter(|array| array.tasks > 1)?;
    let at_once = array
        .at_once
        .map_or_else(String::new, |most| format!("%{most}"));
    Some(format!("0-{}{at_once}", array.tasks - 1))
}

fn depend(submission: &Submission) -> Result<Option<String>> {
    let mut kinds = Vec::new();
    for (word, when) in [
        ("afterok", AfterWhen::Completed),
        ("afternotok", AfterWhen::Failed),
        ("afterany", AfterWhen::Ended),
    ] {
        let mut ids = Vec::new();
        for after in submission
            .work
            .after
            .iter()
            .filter(|after| after.when == when)
        {
            if !is_job_id(&after.remote.0) {
                let id = after.remote.0.escape_debug();
                return Err(refused(&format!(
                    "it waits for `{id}`, which is no job of PBS"
                )));
            }
            ids.push(after.remote.0.as_str());
        }
        if !ids.is_empty() {
            kinds.push(format!("{word}:{}", ids.join(":")));
        }
    }
    Ok((!kinds.is_empty()).then(|| kinds.join(",")))
}

fn checked_account(name: &str) -> Result<String> {
    if is_word(name) && !name.starts_with('-') {
        return Ok(name.to_owned());
    }
    let name = name.escape_debug();
    Err(refused(&format!(
        "the site's account table charges `{name}`, which is no plain word"
    )))
}

/// The id: the one line of an answer with exit code 0.
///
/// An exit code of 0 without an id is no proof of anything.
pub(crate) fn parse(ran: &Ran) -> Result<String> {
    if !ran.is_ok() {
        return Err(ran.error(ran.submit_kind()));
    }
    let text = ran.text();
    let ids: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| is_job_id(line))
        .collect();
    if let [id] = ids.as_slice() {
        Ok((*id).to_owned())
    } else {
        let said = crate::answer::words(&text);
        let message = format!("it ended well and told no job id: `{said}`");
        Err(Error::new(ErrorKind::Unclear, "qsub", message))
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Refused, "qsub", message)
}
