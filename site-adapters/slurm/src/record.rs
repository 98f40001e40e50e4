use broker_model::{OutcomeKind, RemoteId};
use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, RemoteRef};

use crate::states::{JobState, Phase, outcome};
use crate::value::Exit;

/// One job, as slurmctld or the accounting database tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRecord {
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
}

impl JobRecord {
    /// Whether the job was submitted under this marker: in its name, or in its comment if somebody
    /// renamed it.
    pub(crate) fn carries(&self, marker: &str) -> bool {
        self.name == marker || self.comment.split(' ').next() == Some(marker)
    }

    /// Whether it is the very job: the id alone is no identity, Slurm gives it out again. A requeue
    /// would change the submit time, but our jobs are never requeued.
    pub(crate) fn is(&self, job: &RemoteRef) -> bool {
        self.carries(&job.marker) && self.submitted_at == job.submitted_at
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

    pub(crate) fn remote_id(&self) -> RemoteId {
        RemoteId(self.id.to_string())
    }

    pub(crate) fn activity(&self) -> Activity {
        match self.state.phase {
            Phase::Waiting => self.queued(),
            Phase::Running | Phase::Unknown => self.running(),
            Phase::Over(kind) => self.over(kind),
        }
    }

    /// The same job in a state that another source told.
    pub(crate) fn activity_in(&self, state: &JobState) -> Activity {
        match state.phase {
            Phase::Waiting => self.queued(),
            Phase::Running => self.running(),
            Phase::Over(_) | Phase::Unknown => self.activity(),
        }
    }

    fn queued(&self) -> Activity {
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

    fn over(&self, kind: OutcomeKind) -> Activity {
        let started_at = self.started_at();
        let last_known = started_at.unwrap_or(self.submitted_at);
        Activity::Ended {
            started_at,
            ended_at: self.ended_at.unwrap_or(last_known),
            outcome: outcome(kind, &self.state.word, self.reason.as_deref(), self.exit),
        }
    }

    pub(crate) fn into_remote(self, marker: &str) -> RemoteJob {
        RemoteJob {
            tasks: None,
            marker: marker.to_owned(),
            remote_id: self.remote_id(),
            submitted_at: self.submitted_at,
            activity: self.activity(),
        }
    }
}
