//! What happens to a job, and what state that leaves it in.

use jiff::Timestamp;

use super::{HoldReason, JobState, Ran};
use crate::{Outcome, OutcomeKind, PartitionRef, RemoteId};

/// What can happen to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEvent {
    Hold(Hold),
    /// A held job goes back to placement: the site declined, or nobody answered in time.
    Release,
    /// A person of the site lets it in.
    Confirm,
    Place(PartitionRef),
    /// The site said no, or the choice was withdrawn before the site had it.
    Refuse,
    Accept(RemoteId),
    /// The scheduler says why the job waits, or something new about it.
    Wait {
        reason: Option<String>,
        expected_start: Option<Timestamp>,
    },
    Start(Timestamp),
    /// The scheduler put a running job back into its queue.
    Requeue,
    End(Timestamp, Outcome),
    /// The site is lost and the job may be started again elsewhere.
    Lose,
}

/// What a job shall wait for from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub reason: HoldReason,
    /// Where it will go; a site that is to confirm, or by whose own route it goes, is chosen.
    pub partition: Option<PartitionRef>,
    pub since: Timestamp,
}

impl From<Hold> for JobState {
    fn from(hold: Hold) -> Self {
        Self::Held {
            reason: hold.reason,
            partition: hold.partition,
            since: hold.since,
        }
    }
}

/// A state change that the job's state does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {from} job cannot be {event}")]
pub struct InvalidTransition {
    pub from: &'static str,
    pub event: &'static str,
}

impl JobState {
    /// Applies an event.
    ///
    /// An event that is reported twice leaves the state as it is: agents repeat reports whose
    /// answer they did not see.
    pub fn apply(self, event: JobEvent) -> Result<Self, InvalidTransition> {
        use JobState::{Held, Pending, Placed, Queued, Running};
        match (self, event) {
            (Pending, JobEvent::Hold(hold)) => Ok(hold.into()),
            (Held { .. }, JobEvent::Release) => Ok(Pending),
            (
                Held {
                    reason: HoldReason::Confirmation,
                    partition: Some(partition),
                    ..
                },
                JobEvent::Confirm,
            ) => Ok(Placed { partition }),
            // Somebody has carried it to the site.
            (
                Held {
                    reason: HoldReason::Handoff,
                    partition: Some(partition),
                    ..
                },
                JobEvent::Accept(remote_id),
            ) => Ok(queued(partition, remote_id)),
            (Pending, JobEvent::Place(partition)) => Ok(Placed { partition }),
            (Placed { .. }, JobEvent::Refuse) => Ok(Pending),
            (Placed { partition }, JobEvent::Accept(remote_id)) => Ok(queued(partition, remote_id)),
            // After a requeue or a lost submit the scheduler may know the job by another id.
            (state @ Queued { .. }, JobEvent::Accept(remote_id)) => Ok(state.known_as(remote_id)),
            (
                Queued {
                    partition,
                    remote_id,
                    ..
                },
                JobEvent::Wait {
                    reason,
                    expected_start,
                },
            ) => Ok(Queued {
                partition,
                remote_id,
                reason,
                expected_start,
            }),
            (state @ (Queued { .. } | Running { .. }), JobEvent::Start(at)) => {
                Ok(state.started(at))
            }
            (state @ Running { .. }, JobEvent::Accept(_)) => Ok(state),
            (
                Running {
                    partition,
                    remote_id,
                    ..
                },
                JobEvent::Requeue,
            ) => Ok(queued(partition, remote_id)),
            (state @ Queued { .. }, JobEvent::Requeue) => Ok(state),
            (Placed { .. } | Queued { .. } | Running { .. }, JobEvent::Lose) => Ok(Pending),
            (
                state @ (Pending | Held { .. } | Placed { .. } | Queued { .. } | Running { .. }),
                JobEvent::End(ended_at, outcome),
            ) => Ok(ended(ended_at, outcome, state.ran())),
            (state, JobEvent::End(..)) => Ok(state),
            (state, event) => Err(InvalidTransition {
                from: state.name().as_str(),
                event: event.name(),
            }),
        }
    }

    /// A start that is heard late is not the one after a requeue.
    fn started(self, at: Timestamp) -> Self {
        match self {
            Self::Queued {
                partition,
                remote_id,
                ..
            } => Self::Running {
                partition,
                remote_id,
                started_at: at,
            },
            Self::Running {
                partition,
                remote_id,
                started_at,
            } => Self::Running {
                partition,
                remote_id,
                started_at: started_at.max(at),
            },
            other => other,
        }
    }

    fn known_as(self, id: RemoteId) -> Self {
        match self {
            Self::Queued {
                partition,
                remote_id,
                ..
            } if remote_id != id => queued(partition, id),
            state => state,
        }
    }

    fn ran(self) -> Option<Box<Ran>> {
        let (partition, remote_id, started_at) = match self {
            Self::Queued {
                partition,
                remote_id,
                ..
            } => (partition, remote_id, None),
            Self::Running {
                partition,
                remote_id,
                started_at,
            } => (partition, remote_id, Some(started_at)),
            _ => return None,
        };
        Some(Box::new(Ran {
            partition,
            remote_id,
            started_at,
        }))
    }
}

/// As a scheduler has it that has not said why it waits.
const fn queued(partition: PartitionRef, remote_id: RemoteId) -> JobState {
    JobState::Queued {
        partition,
        remote_id,
        reason: None,
        expected_start: None,
    }
}

pub(super) fn ended(ended_at: Timestamp, outcome: Outcome, ran: Option<Box<Ran>>) -> JobState {
    match outcome.kind {
        OutcomeKind::Completed => JobState::Completed {
            ended_at,
            outcome,
            ran,
        },
        OutcomeKind::Cancelled => JobState::Cancelled {
            ended_at,
            outcome,
            ran,
        },
        OutcomeKind::TimedOut => JobState::TimedOut {
            ended_at,
            outcome,
            ran,
        },
        _ => JobState::Failed {
            ended_at,
            outcome,
            ran,
        },
    }
}

impl JobEvent {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hold(hold) => match hold.reason {
                HoldReason::Confirmation => "asked",
                HoldReason::Handoff => "handed_over",
                HoldReason::Terms | HoldReason::Data => "held",
            },
            Self::Release => "released",
            Self::Confirm => "confirmed",
            Self::Place(_) => "placed",
            Self::Refuse => "refused",
            Self::Accept(_) => "accepted",
            Self::Wait { .. } => "waiting",
            Self::Start(_) => "started",
            Self::Requeue => "requeued",
            Self::End(..) => "ended",
            Self::Lose => "lost",
        }
    }
}
