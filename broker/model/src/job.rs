//! The life of a job. Transitions consume the state and name both sides when they refuse;
//! `broker/model/states.md` shows the diagram and the table, and a test compares them.

mod event;
mod name;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AllocationId, AttemptId, DecisionId, JobId, JobSpec, Outcome, PartitionRef, PersonId, RemoteId,
    UnitMillis,
};

pub use event::{Hold, InvalidTransition, JobEvent};
pub use name::StateName;

/// What a user handed in, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    pub spec: JobSpec,
    pub owner: PersonId,
    pub allocation: AllocationId,
    /// The eligibility decision the job was accepted under.
    pub decision: DecisionId,
    pub state: JobState,
    /// What the allocation holds for this job until it is settled or released.
    pub held: UnitMillis,
    /// The attempt that may run it now, if any: at most one at a time (invariant 2).
    pub attempt: Option<AttemptId>,
    /// When somebody asked to cancel; the state follows once the site has confirmed.
    pub cancel_requested_at: Option<Timestamp>,
    /// Partitions that refused this job; placement leaves them out.
    pub refused_by: Vec<PartitionRef>,
    /// What the sites said when they refused it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Goes up by one with every stored change; writers state the one they read.
    pub version: i64,
}

/// A site's no to a job, in its words: for the job's owner, who may have to do something about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub partition: PartitionRef,
    pub words: String,
    pub at: Timestamp,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused it: {}", self.partition, self.words)
    }
}

/// Where a job stands: a state is something the broker must act on differently.
///
/// That a site cannot be reached is a fact about the site and no state of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum JobState {
    /// Accepted, and no partition is chosen: every feasible one is down for now, or one refused.
    Pending,
    /// Waits for a person; with a partition where one is chosen already.
    Held {
        reason: HoldReason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<PartitionRef>,
        since: Timestamp,
    },
    /// A partition is chosen; the site's agent has not reported that it took the job.
    Placed { partition: PartitionRef },
    /// The site's scheduler has it.
    Queued {
        partition: PartitionRef,
        remote_id: RemoteId,
        /// Why it waits, in the scheduler's words: `Priority`, `PartitionTimeLimit`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When the scheduler itself expects to start it; most tell nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<Timestamp>,
    },
    Running {
        partition: PartitionRef,
        remote_id: RemoteId,
        started_at: Timestamp,
    },
    Completed {
        ended_at: Timestamp,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran: Option<Box<Ran>>,
    },
    Failed {
        ended_at: Timestamp,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran: Option<Box<Ran>>,
    },
    Cancelled {
        ended_at: Timestamp,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran: Option<Box<Ran>>,
    },
    TimedOut {
        ended_at: Timestamp,
        outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran: Option<Box<Ran>>,
    },
}

/// Where a site had the job, kept when it is over; none for a job that no site took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub partition: PartitionRef,
    pub remote_id: RemoteId,
    /// None when it ended in the queue, or its start was never reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// Why a job waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// Terms of the platform or of a site are not accepted.
    Terms,
    /// The site wants a person to confirm each job (`automation = "human_confirm"`).
    Confirmation,
    /// Data is not where the job needs it.
    Data,
    /// The site takes such jobs by its own route, in the hands of a person (`automation = "handoff"`).
    Handoff,
}

impl JobState {
    pub const fn name(&self) -> StateName {
        match self {
            Self::Pending => StateName::Pending,
            Self::Held { .. } => StateName::Held,
            Self::Placed { .. } => StateName::Placed,
            Self::Queued { .. } => StateName::Queued,
            Self::Running { .. } => StateName::Running,
            Self::Completed { .. } => StateName::Completed,
            Self::Failed { .. } => StateName::Failed,
            Self::Cancelled { .. } => StateName::Cancelled,
            Self::TimedOut { .. } => StateName::TimedOut,
        }
    }

    pub const fn is_final(&self) -> bool {
        self.name().is_final()
    }

    /// The partition a job waits for a person of, is placed at, is at, or was at.
    pub fn partition(&self) -> Option<&PartitionRef> {
        match self {
            Self::Held { partition, .. } => partition.as_ref(),
            Self::Placed { partition }
            | Self::Queued { partition, .. }
            | Self::Running { partition, .. } => Some(partition),
            _ => self.has_run().map(|ran| &ran.partition),
        }
    }

    /// What the site calls it, or called it.
    pub fn remote_id(&self) -> Option<&RemoteId> {
        match self {
            Self::Queued { remote_id, .. } | Self::Running { remote_id, .. } => Some(remote_id),
            _ => self.has_run().map(|ran| &ran.remote_id),
        }
    }

    pub fn started_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running { started_at, .. } => Some(*started_at),
            _ => self.has_run().and_then(|ran| ran.started_at),
        }
    }

    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Completed { ended_at, .. }
            | Self::Failed { ended_at, .. }
            | Self::Cancelled { ended_at, .. }
            | Self::TimedOut { ended_at, .. } => Some(*ended_at),
            _ => None,
        }
    }

    /// Why the site's scheduler lets it wait, and until when it expects to.
    pub fn waits(&self) -> Option<(Option<&str>, Option<Timestamp>)> {
        match self {
            Self::Queued {
                reason,
                expected_start,
                ..
            } => Some((reason.as_deref(), *expected_start)),
            _ => None,
        }
    }

    fn has_run(&self) -> Option<&Ran> {
        match self {
            Self::Completed { ran, .. }
            | Self::Failed { ran, .. }
            | Self::Cancelled { ran, .. }
            | Self::TimedOut { ran, .. } => ran.as_deref(),
            _ => None,
        }
    }

    /// What a held job waits for, and since when.
    pub const fn waits_for(&self) -> Option<(HoldReason, Timestamp)> {
        match self {
            Self::Held { reason, since, .. } => Some((*reason, *since)),
            _ => None,
        }
    }

    pub const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Completed { outcome, .. }
            | Self::Failed { outcome, .. }
            | Self::Cancelled { outcome, .. }
            | Self::TimedOut { outcome, .. } => Some(outcome),
            _ => None,
        }
    }
}

impl HoldReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Confirmation => "confirmation",
            Self::Data => "data",
            Self::Handoff => "handoff",
        }
    }
}

#[cfg(test)]
#[path = "job/tests.rs"]
mod tests;
