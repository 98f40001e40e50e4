use broker_model::{OutcomeKind, RemoteId};
use jiff::Timestamp;
use site_adapter::{Activity, RemoteRef};

use crate::states::{JobState, Phase, outcome};
use crate::value::Exit;

/// One job, or one task of an array, as slurmctld or the accounting database tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRecord {
    /// Its own: each task of an array has one, and the last task has the array's.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) state: JobState,
    pub(crate) reason: Option<String>,
    pub(crate) submitted_at: Timestamp,
    /// When it started, or for a waiting job when Slurm expects it to.
    pub(crate) start: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// Empty for a job that never started; its `start` is then the time of its end.
    pub(crate) has_nodes: bool,
    pub(crate) exit: Exit,
    pub(crate) task: Option<Task>,
    /// How often Slurm has put it back into the queue; each time with a new submit time.
    pub(crate) restarts: u64,
    /// Whether somebody had it cancelled, where the source tells: only the accounting does.
    pub(crate) was_killed: Option<bool>,
    /// Whether it was submitted to wait for other jobs, as far as this agent remembers.
    pub(crate) waited: bool,
    /// GPUs that it asks for on all of its nodes, where slurmctld tells.
    pub(crate) gpus: Option<u32>,
    /// Whose it is; the accounting has no number.
    pub(crate) owner: Option<Owner>,
}

/// The local user that a job runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Empty or missing where slurmrestd's machine has no name for the number.
    pub(crate) name: Option<String>,
    pub(crate) uid: Option<u64>,
}

/// Slurm's `SLURM_AUTH_NOBODY`: as whom 22.05 and 24.11 take the job of a user that they do not know.
const NOBODY: u64 = 99;

/// What a record is of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The id that was given for the array as a whole.
    pub(crate) array: u64,
    /// One, or all those that wait and were not given an id of their own yet.
    pub(crate) indices: Vec<u32>,
}

impl JobRecord {
    /// Whether the job was submitted under this marker: in its name, or in its comment if somebody
    /// renamed it.
    pub(crate) fn carries(&self, marker: &str) -> bool {
        self.name == marker || self.comment.split(' ').next() == Some(marker)
    }

    /// Whether it is the very job: the id alone is no identity, Slurm gives it out again. A requeue
    /// changes the submit time, and is counted.
    pub(crate) fn is(&self, job: &RemoteRef) -> bool {
        let since = self.submitted_at == job.submitted_at
            || (self.restarts > 0 && self.submitted_at > job.submitted_at);
        since && self.carries(&job.marker)
    }

    /// Whose it is instead, if it is told that it is not this user's.
    pub(crate) fn is_not_of(&self, user: &str) -> Option<String> {
        let owner = self.owner.as_ref()?;
        match (&owner.name, owner.uid) {
            (Some(name), _) => (name != user).then(|| format!("`{name}`")),
            (None, Some(NOBODY)) => Some(format!("nobody (user id {NOBODY})")),
            (None, _) => None,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state.phase, Phase::Over(_))
    }

    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        self.start.filter(|_| self.has_nodes)
    }

    /// Cancelled while it waited: over, and on no node ever.
    pub(crate) const fn never_started(&self) -> bool {
        matches!(self.state.phase, Phase::Over(OutcomeKind::Cancelled)) && !self.has_nodes
    }

    /// The id that the job or the array as a whole was given when it was submitted.
    pub(crate) fn whole_id(&self) -> u64 {
        self.task.as_ref().map_or(self.id, |task| task.array)
    }

    pub(crate) fn remote_id(&self) -> RemoteId {
        RemoteId(self.whole_id().to_string())
    }

    pub(crate) fn activity(&self) -> Activity {
        match self.state.phase {
            Phase::Waiting => self.queued(),
            Phase::Running | Phase::Unknown => self.running(),
            Phase::Over(kind) => self.over(kind),
        }
    }

    /// The same job in a state that another source told.
    pub(crate) fn in_state(&self, state: &JobState) -> Self {
        let mut job = self.clone();
        match state.phase {
            // The accounting will say how it ended; until then it has not.
            Phase::Over(_) if !self.is_over() => job.state.phase = Phase::Running,
            Phase::Over(_) | Phase::Unknown => {}
            Phase::Waiting | Phase::Running => job.state = state.clone(),
        }
        job
    }

    pub(crate) fn queued(&self) -> Activity {
        Activity::Queued {
            reason: self.reason.clone(),
            expected_start: self.start.filter(|_| !self.has_nodes),
        }
    }

    /// A job whose start is not told yet still waits, for all that the caller can do with it.
    pub(crate) fn running(&self) -> Activity {
        match self.started_at() {
            Some(started_at) => Activity::Running { started_at },
            None => Activity::Queued {
                reason: self.reason.clone(),
                expected_start: None,
            },
        }
    }

    pub(crate) fn over(&self, kind: OutcomeKind) -> Activity {
        let started_at = self.started_at();
        let last_known = started_at.unwrap_or(self.submitted_at);
        Activity::Ended {
            started_at,
            ended_at: self.ended_at.unwrap_or(last_known),
            outcome: outcome(
                self.kind(kind),
                &self.state.word,
                self.reason.as_deref(),
                self.exit,
            ),
        }
    }

    /// What Slurm's state leaves open.
    ///
    /// A job of which slurmd could not open the output (no such folder, no right to write there) or
    /// which it could not execute is FAILED by a signal that no kernel sends: slurmd's own error
    /// number (`ESLURMD_STDIO_REDIRECT_FAILED` 4021, `ESLURMD_EXECVE_FAILED` 4020, `slurm_errno.h`)
    /// read as a wait status. `JobLaunchFailure` is what 22.05 says of any signal, so it counts
    /// only without one.
    ///
    /// Slurm cancels by itself, on nobody's request, what waits for a job that ended otherwise; the
    /// accounting keeps no reason of that, nor of other cancellations that nobody asked for.
    fn kind(&self, kind: OutcomeKind) -> OutcomeKind {
        let says = |word: &str| self.reason.as_deref() == Some(word);
        match kind {
            OutcomeKind::Failed if matches!(self.exit.signal, Some(52 | 53)) => {
                OutcomeKind::LaunchFailed
            }
            OutcomeKind::Failed if says("JobLaunchFailure") && self.exit.signal.is_none() => {
                OutcomeKind::LaunchFailed
            }
            OutcomeKind::Cancelled if self.was_dropped() => OutcomeKind::DependencyFailed,
            other => other,
        }
    }

    fn was_dropped(&self) -> bool {
        let never = self.reason.as_deref() == Some("DependencyNeverSatisfied");
        self.never_started() && (never || (self.waited && self.was_killed == Some(false)))
    }

    /// Cancelled by nobody before it started: slurmctld may still know why.
    pub(crate) fn is_unexplained(&self) -> bool {
        self.never_started() && self.was_killed == Some(false) && !self.was_dropped()
    }
}
