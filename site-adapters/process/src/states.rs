use std::fmt;

use broker_model::{Outcome, OutcomeKind};
use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, UsageReport};

use crate::folder::{Claim, Folder, Mark, Meta};

/// The line in `exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As a POSIX shell has it: above 128, the number of a signal is added.
    Status(i32),
    /// Cancelled while it waited.
    Never,
    /// The wrapper was killed, or the machine went down.
    Lost,
    /// The system does not take the job's command as it is, today or ever.
    Unstartable,
    /// The wrapper found that there is no such interpreter.
    Unlaunched,
    /// The kernel ended it for its memory.
    OutOfMemory,
    /// A job that it waited for ended otherwise.
    Dependency,
}

impl Exit {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        match line {
            "never" => Some(Self::Never),
            "lost" => Some(Self::Lost),
            "unstartable" => Some(Self::Unstartable),
            "unlaunched" => Some(Self::Unlaunched),
            "oom" => Some(Self::OutOfMemory),
            "dependency" => Some(Self::Dependency),
            status => status.parse().ok().map(Self::Status),
        }
    }

    pub(crate) fn outcome(self, cancelled: bool, timed_out: bool) -> Outcome {
        let (kind, words) = match self {
            _ if cancelled => (OutcomeKind::Cancelled, "cancelled".to_owned()),
            Self::Never => (OutcomeKind::Cancelled, "cancelled".to_owned()),
            _ if timed_out => (OutcomeKind::TimedOut, "walltime exceeded".to_owned()),
            Self::Lost => (
                OutcomeKind::NodeFailure,
                "the job's wrapper is gone: killed, or the machine restarted".to_owned(),
            ),
            Self::Unstartable => (
                OutcomeKind::LaunchFailed,
                "the system cannot start it: its command is too long, or not one".to_owned(),
            ),
            Self::Unlaunched => (
                OutcomeKind::LaunchFailed,
                "the interpreter of its `#!` line is not there, or cannot be run".to_owned(),
            ),
            Self::OutOfMemory => (
                OutcomeKind::OutOfMemory,
                "the kernel ended it: it used more memory than it asked for".to_owned(),
            ),
            Self::Dependency => (
                OutcomeKind::DependencyFailed,
                "a job that it waited for ended otherwise, or is not known here".to_owned(),
            ),
            Self::Status(0) => (OutcomeKind::Completed, "exit status 0".to_owned()),
            Self::Status(status) => (OutcomeKind::Failed, format!("exit status {status}")),
        };
        Outcome {
            kind,
            exit_code: match self {
                Self::Status(status) => Some(status),
                _ => None,
            },
            signal: self.signal(),
            site_words: words,
        }
    }

    fn signal(self) -> Option<i32> {
        match self {
            Self::Status(status @ 129..=192) => Some(status - 128),
            _ => None,
        }
    }

    /// Nothing of the user's ran.
    const fn is_before_start(self) -> bool {
        matches!(
            self,
            Self::Never | Self::Unstartable | Self::Unlaunched | Self::Dependency
        )
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Never => f.write_str("never"),
            Self::Lost => f.write_str("lost"),
            Self::Unstartable => f.write_str("unstartable"),
            Self::Unlaunched => f.write_str("unlaunched"),
            Self::OutOfMemory => f.write_str("oom"),
            Self::Dependency => f.write_str("dependency"),
        }
    }
}

impl Meta {
    pub(crate) fn told(&self, activity: Activity) -> RemoteJob {
        RemoteJob {
            tasks: None,
            marker: self.marker.clone(),
            remote_id: self.remote_id(),
            submitted_at: self.submitted_at,
            activity,
        }
    }

    /// The kernel stamps files by a coarser clock than the one that gave the submit time.
    pub(crate) fn not_before_submit(&self, time: Timestamp) -> Timestamp {
        time.max(self.submitted_at)
    }
}

/// The end as the folder tells it, if it has come.
pub(crate) fn ended(folder: &Folder, meta: &Meta) -> Option<Activity> {
    let (exit, ended_at) = folder.exit()?;
    let started_at = started_at(folder, meta, exit);
    Some(Activity::Ended {
        started_at,
        ended_at: ended_at.max(started_at.unwrap_or(meta.submitted_at)),
        outcome: exit.outcome(folder.has(Mark::Cancelled), folder.has(Mark::TimedOut)),
    })
}

fn started_at(folder: &Folder, meta: &Meta, exit: Exit) -> Option<Timestamp> {
    match folder.claim() {
        _ if exit.is_before_start() => None,
        Claim::Absent | Claim::Torn => None,
        Claim::Written { started_at, .. } => Some(meta.not_before_submit(started_at)),
    }
}

/// What an ended job used; `None` when it never started.
pub(crate) fn usage(folder: &Folder, meta: &Meta) -> Option<UsageReport> {
    let Activity::Ended {
        started_at: Some(started_at),
        ended_at,
        ..
    } = ended(folder, meta)?
    else {
        return None;
    };
    let grant = folder.granted()?.grant;
    let count = |list: &[u32]| u32::try_from(list.len()).unwrap_or(u32::MAX);
    Some(UsageReport {
        elapsed_seconds: None,
        started_at,
        ended_at,
        nodes: count(&grant.nodes),
        scheduler_gpus: count(&grant.gpus),
        cpus: grant.cpus,
        memory_gib: grant.memory_gib,
        energy_joules: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_did_to_the_job_comes_before_how_it_took_it() {
        for (exit, cancelled, timed_out, kind) in [
            (Exit::Status(0), false, false, OutcomeKind::Completed),
            (Exit::Status(3), false, false, OutcomeKind::Failed),
            (Exit::Status(0), true, false, OutcomeKind::Cancelled),
            (Exit::Status(143), true, true, OutcomeKind::Cancelled),
            (Exit::Status(0), false, true, OutcomeKind::TimedOut),
            (Exit::Lost, false, false, OutcomeKind::NodeFailure),
            (Exit::Lost, true, false, OutcomeKind::Cancelled),
            (Exit::Never, true, false, OutcomeKind::Cancelled),
            (Exit::OutOfMemory, false, false, OutcomeKind::OutOfMemory),
            (Exit::OutOfMemory, true, false, OutcomeKind::Cancelled),
            (Exit::Unlaunched, false, false, OutcomeKind::LaunchFailed),
            (
                Exit::Dependency,
                false,
                false,
                OutcomeKind::DependencyFailed,
            ),
        ] {
            let outcome = exit.outcome(cancelled, timed_out);
            assert_eq!(outcome.kind, kind, "{exit:?} {cancelled} {timed_out}");
        }
    }

    #[test]
    fn a_status_above_128_is_told_as_a_signal_too() {
        let killed = Exit::Status(137).outcome(false, false);
        assert_eq!((killed.exit_code, killed.signal), (Some(137), Some(9)));
        let minus_one = Exit::Status(255).outcome(false, false);
        assert_eq!((minus_one.exit_code, minus_one.signal), (Some(255), None));
    }

    #[test]
    fn an_exit_survives_its_line() {
        for exit in [
            Exit::Status(0),
            Exit::Status(255),
            Exit::Never,
            Exit::Lost,
            Exit::Unstartable,
            Exit::Unlaunched,
            Exit::OutOfMemory,
            Exit::Dependency,
        ] {
            assert_eq!(Exit::parse(&exit.to_string()), Some(exit));
        }
    }
}
