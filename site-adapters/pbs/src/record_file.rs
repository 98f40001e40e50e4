//! What the wrapper writes down of a job's one run: that it began, and how it ended.

use broker_model::{Outcome, OutcomeKind};
use jiff::Timestamp;
use site_adapter::{Activity, UsageReport};

use crate::times::epoch;

/// `start 25.pbshead 1795169589 walltime=600 nodes=2 cpus=8 gpus=2 memory_gib=2`, and in place of a
/// line of blanks `end 7 1795169592` once it is over, with ` oom` behind it where the kernel killed for
/// memory meanwhile, or ` unlaunched` where nothing of the user's was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordFile {
    pub(crate) job_id: String,
    pub(crate) started_at: Timestamp,
    walltime: i64,
    nodes: u32,
    cpus: u32,
    gpus: u32,
    memory_gib: u32,
    /// How many tasks its array has; none of a job that is no array.
    pub(crate) tasks: Option<u32>,
    end: Option<End>,
    /// It was deleted while it ran, by what the agent noted beside the record.
    is_cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    status: i32,
    at: Timestamp,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    ByItself,
    OutOfMemory,
    Unlaunched,
}

impl RecordFile {
    /// `None` for what our wrapper has not written.
    pub(crate) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut lines = lines.into_iter();
        let mut words = lines.next()?.split_ascii_whitespace();
        if words.next()? != "start" {
            return None;
        }
        let mut record = Self {
            job_id: words.next()?.to_owned(),
            started_at: epoch(words.next()?)?,
            walltime: i64::MAX,
            nodes: 1,
            cpus: 1,
            gpus: 0,
            memory_gib: 0,
            tasks: None,
            end: None,
            is_cancelled: false,
        };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            let count = value.parse().unwrap_or(0);
            match name {
                "walltime" => record.walltime = value.parse().unwrap_or(i64::MAX),
                "nodes" => record.nodes = count,
                "cpus" => record.cpus = count,
                "gpus" => record.gpus = count,
                "memory_gib" => record.memory_gib = count,
                "tasks" => record.tasks = value.parse().ok(),
                _ => {}
            }
        }
        record.end = lines.next().and_then(end);
        Some(record)
    }

    /// The end of the user's code, which has none where it was never started.
    pub(crate) fn status(&self) -> Option<i32> {
        let end = self.end.filter(|end| end.why != Why::Unlaunched);
        end.map(|end| end.status)
    }

    pub(crate) const fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        self.end.map(|end| end.at)
    }

    /// The kernel killed something of the job's for its memory, which the code may have survived.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.end.is_some_and(|end| end.why == Why::OutOfMemory)
    }

    pub(crate) fn was_not_launched(&self) -> bool {
        self.end.is_some_and(|end| end.why == Why::Unlaunched)
    }

    pub(crate) const fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// A job was seen to run just before it was deleted; a task of an array may have ended long before.
    pub(crate) fn deleted(mut self, at: Timestamp, is_task: bool) -> Self {
        self.is_cancelled = !is_task || self.ended_at().is_none_or(|end| end >= at);
        self
    }

    /// Of a job that PBS no longer tells of, and keeps no history for.
    pub(crate) fn activity(&self, gone_at: Timestamp) -> Activity {
        self.ended("PBS keeps no history", gone_at)
    }

    /// Of a job that is at another server now, which is not asked.
    pub(crate) fn under_way(&self) -> Activity {
        match self.end {
            Some(end) => self.ended("PBS does not tell how it is", end.at),
            None => Activity::Running {
                started_at: self.started_at,
            },
        }
    }

    fn ended(&self, why: &str, gone_at: Timestamp) -> Activity {
        let ended_at = self.ended_at().unwrap_or(gone_at).max(self.started_at);
        let ran = ended_at.duration_since(self.started_at).as_secs();
        let status = self.status();
        let kind = match status {
            _ if self.was_not_launched() => OutcomeKind::LaunchFailed,
            _ if self.is_cancelled => OutcomeKind::Cancelled,
            Some(0) => OutcomeKind::Completed,
            // A signal to the whole job is how PBS ends one, over its time or deleted.
            Some(143 | 137) | None if ran >= self.walltime => OutcomeKind::TimedOut,
            Some(_) if self.ran_out_of_memory() => OutcomeKind::OutOfMemory,
            Some(143) => OutcomeKind::Cancelled,
            Some(_) => OutcomeKind::Failed,
            None => OutcomeKind::NodeFailure,
        };
        let is_own = matches!(
            kind,
            OutcomeKind::Completed | OutcomeKind::Failed | OutcomeKind::OutOfMemory
        );
        let signal = status
            .filter(|code| (129..=192).contains(code))
            .map(|code| code - 128);
        Activity::Ended {
            started_at: Some(self.started_at),
            ended_at,
            outcome: Outcome {
                kind,
                exit_code: status.filter(|_| is_own),
                signal: signal.filter(|_| is_own),
                site_words: format!("{why}; {}", self.words()),
            },
        }
    }

    fn words(&self) -> String {
        let own = match self.status() {
            _ if self.was_not_launched() => "the script was not started".to_owned(),
            Some(status) => format!("the script itself: {status}"),
            None => "the script has not written an end".to_owned(),
        };
        if self.is_cancelled {
            return format!("deleted while it ran; {own}");
        }
        own
    }

    pub(crate) fn usage(&self) -> Option<UsageReport> {
        let ended_at = self.ended_at()?;
        Some(UsageReport {
            started_at: self.started_at,
            ended_at: ended_at.max(self.started_at),
            nodes: self.nodes,
            scheduler_gpus: self.gpus,
            cpus: self.cpus,
            memory_gib: self.memory_gib,
            energy_joules: None,
            elapsed_seconds: None,
        })
    }
}

fn end(line: &str) -> Option<End> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "end" {
        return None;
    }
    let status: i32 = words.next()?.parse().ok()?;
    (0..=255).contains(&status).then_some(())?;
    Some(End {
        status,
        at: epoch(words.next()?)?,
        why: match words.next() {
            Some("oom") => Why::OutOfMemory,
            Some("unlaunched") => Why::Unlaunched,
            _ => Why::ByItself,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "start 25.pbshead 1795169589 walltime=3 nodes=2 cpus=8 gpus=2 memory_gib=2";

    fn kind(second: &str) -> OutcomeKind {
        let record = RecordFile::parse([START, second]).unwrap();
        let gone_at = Timestamp::from_second(1_795_169_590).unwrap();
        match record.activity(gone_at) {
            Activity::Ended { outcome, .. } => outcome.kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_tells_the_end_and_what_was_used() {
        let record = RecordFile::parse([START, "end 7 1795169592   "]).unwrap();
        assert_eq!(record.status(), Some(7));
        let usage = record.usage().unwrap();
        assert_eq!(
            (
                usage.nodes,
                usage.cpus,
                usage.scheduler_gpus,
                usage.memory_gib
            ),
            (2, 8, 2, 2)
        );
        assert_eq!(kind("end 0 1795169592"), OutcomeKind::Completed);
        assert_eq!(kind("end 143 1795169590"), OutcomeKind::Cancelled);
        assert_eq!(kind("end 143 1795169600"), OutcomeKind::TimedOut);
        assert_eq!(kind("      "), OutcomeKind::NodeFailure);
    }

    #[test]
    fn code_that_was_killed_for_its_memory_ran_out_of_it_unless_it_ended_well() {
        assert_eq!(kind("end 137 1795169590 oom"), OutcomeKind::OutOfMemory);
        assert_eq!(kind("end 1 1795169590 oom"), OutcomeKind::OutOfMemory);
        assert_eq!(kind("end 0 1795169590 oom"), OutcomeKind::Completed);
        assert_eq!(kind("end 1 1795169590"), OutcomeKind::Failed);
        assert_eq!(
            kind("end 143 1795169600 oom"),
            OutcomeKind::TimedOut,
            "it lived on until its time was over"
        );
    }

    #[test]
    fn what_was_never_started_has_an_end_and_no_exit_code() {
        let record = RecordFile::parse([START, "end 254 1795169590 unlaunched"]).unwrap();
        assert_eq!((record.status(), record.has_ended()), (None, true));
        assert_eq!(
            kind("end 254 1795169590 unlaunched"),
            OutcomeKind::LaunchFailed
        );
        assert_eq!(kind("end 254 1795169590"), OutcomeKind::Failed, "its own");
    }

    #[test]
    fn a_task_that_had_ended_before_its_array_was_deleted_ended_by_itself() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let record = |end| RecordFile::parse([START, end]).unwrap();
        let ended = || record("end 0 1795169592");
        assert!(!ended().deleted(at(1_795_169_593), true).is_cancelled());
        assert!(ended().deleted(at(1_795_169_592), true).is_cancelled());
        assert!(record("").deleted(at(1_795_169_593), true).is_cancelled());
        assert!(ended().deleted(at(1_795_169_593), false).is_cancelled());
    }

    #[test]
    fn a_record_without_an_end_has_no_status_and_no_usage() {
        let record = RecordFile::parse([START, "       "]).unwrap();
        assert_eq!((record.status(), record.usage()), (None, None));
        assert!(RecordFile::parse([START]).is_some());
        for wrong in ["", "start", "start 1 x", "end 1 2"] {
            assert_eq!(RecordFile::parse([wrong]), None, "{wrong}");
        }
    }
}
