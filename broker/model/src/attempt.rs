use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AgentId, AttemptId, InstanceId, InvalidTransition, JobId, PartitionRef, RemoteId};

/// One try to run a job at one site.
///
/// Its id is the marker that the adapter carries into the scheduler, so the try can be found there
/// whatever happened to the answer. A job has at most one attempt that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: AttemptId,
    pub job: JobId,
    pub partition: PartitionRef,
    pub state: AttemptState,
    /// Who works on it, and until when; another agent of the site may take it over afterwards.
    pub leased_by: AgentId,
    /// Which process of that agent, as far as it says: only this one may go on with the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Where it was announced, as the agent names its scheduler: agents of another one cannot tell what
    /// became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    pub lease_until: Timestamp,
    /// Its usage is charged (or it never ran) and its hold is gone: nothing is left to do.
    pub settled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum AttemptState {
    /// Given to an agent; nothing was sent to the scheduler.
    Leased,
    /// The agent said that it will now send: from here on only the scheduler knows.
    Submitting,
    Accepted {
        remote_id: RemoteId,
        submitted_at: Timestamp,
    },
    Ended {
        outcome: Outcome,
    },
    /// The scheduler said no, or the attempt is proven never to have reached it.
    Refused {
        reason: String,
    },
    /// Given up because its site is lost; cancelled first when the site comes back.
    Lost,
}

/// What can happen to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    Submit,
    Accept {
        remote_id: RemoteId,
        submitted_at: Timestamp,
    },
    End(Outcome),
    Refuse(String),
    Lose,
}

/// How a job ended at its site, with the site's own words beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub kind: OutcomeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The scheduler's state and reason as it wrote them: `OUT_OF_MEMORY`, `NonZeroExitCode`.
    #[serde(default)]
    pub site_words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Completed,
    /// Ended by itself with an exit code other than 0, or by a signal of its own.
    Failed,
    Cancelled,
    TimedOut,
    OutOfMemory,
    NodeFailure,
    Preempted,
    /// Its command, image, shell or working directory could not be had: nothing of the user's ran.
    LaunchFailed,
    /// A job it waited for ended otherwise than it asked, so it was never started.
    DependencyFailed,
    /// The scheduler has no trace of it although it had accepted it.
    Vanished,
}

impl Attempt {
    /// Whether a person carries it to the site; no agent may have it.
    pub fn is_handed_over(&self) -> bool {
        self.leased_by == AgentId::NOBODY
    }

    pub fn is_leased_to(&self, agent: AgentId, instance: Option<InstanceId>) -> bool {
        self.leased_by == agent && self.instance == instance
    }
}

impl AttemptState {
    /// Applies an event; one that is reported again leaves the state as it is.
    pub fn apply(self, event: AttemptEvent) -> Result<Self, InvalidTransition> {
        use AttemptState::{Accepted, Ended, Leased, Lost, Refused, Submitting};
        match (self, event) {
            (Leased | Submitting, AttemptEvent::Submit) => Ok(Submitting),
            (
                Leased | Submitting | Accepted { .. },
                AttemptEvent::Accept {
                    remote_id,
                    submitted_at,
                },
            ) => Ok(Accepted {
                remote_id,
                submitted_at,
            }),
            (Leased | Submitting, AttemptEvent::Refuse(reason)) => Ok(Refused { reason }),
            (Leased | Submitting | Accepted { .. } | Lost, AttemptEvent::End(outcome)) => {
                Ok(Ended { outcome })
            }
            (Leased | Submitting | Accepted { .. }, AttemptEvent::Lose) => Ok(Lost),
            (state @ Ended { .. }, AttemptEvent::End(_))
            | (state @ Refused { .. }, AttemptEvent::Refuse(_))
            | (state @ Lost, AttemptEvent::Lose) => Ok(state),
            (state, event) => Err(InvalidTransition {
                from: state.as_str(),
                event: event.as_str(),
            }),
        }
    }

    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Refused { .. } | Self::Lost)
    }

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Submitting => "submitting",
            Self::Accepted { .. } => "accepted",
            Self::Ended { .. } => "ended",
            Self::Refused { .. } => "refused",
            Self::Lost => "lost",
        }
    }
}

impl AttemptEvent {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Submit => "submitted",
            Self::Accept { .. } => "accepted",
            Self::End(_) => "ended",
            Self::Refuse(_) => "refused",
            Self::Lose => "lost",
        }
    }
}

#[cfg(test)]
#[path = "attempt/tests.rs"]
mod tests;
