use broker_model::{AfterWhen, ArraySpec, AttemptId, Outcome, PartitionRef, RemoteId, Resources};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose account a job runs under at the site; the site's own mapping decides (never the broker).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalAccount {
    /// The POSIX user, or the namespace for Kubernetes.
    pub user: String,
    /// What the scheduler charges; Slurm's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
}

/// The job as the broker leases it: portable, with the variant that placement chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub name: String,
    pub resources: Resources,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    pub script: String,
    pub partition: PartitionRef,
    /// How many GPUs the scheduler counts per physical one there (2 on LUMI).
    pub scheduler_gpus_per_gpu: u32,
    #[serde(default)]
    pub exclusive: bool,
    /// Whether the user's code may be started again by the scheduler itself, after a node failed or
    /// a more urgent job took its place; otherwise adapters forbid it.
    #[serde(default)]
    pub restartable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArraySpec>,
    /// Jobs at the same scheduler that this one waits for; those that are satisfied are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<RemoteAfter>,
}

/// A job at the same scheduler that another waits for.
///
/// An adapter whose scheduler has no dependencies holds the job itself and lets it go in `poll`. A
/// condition that can no longer come true is the end of the job:
/// [`OutcomeKind::DependencyFailed`](broker_model::OutcomeKind::DependencyFailed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteAfter {
    pub marker: String,
    pub remote: RemoteId,
    pub when: AfterWhen,
}

impl Work {
    /// GPUs per node as the scheduler counts them.
    pub const fn scheduler_gpus_per_node(&self) -> u32 {
        self.resources
            .gpus_per_node
            .saturating_mul(self.scheduler_gpus_per_gpu)
    }

    /// The script with a `#!` line: Slurm's REST interface accepts one without and the job fails.
    pub fn script_with_interpreter(&self) -> String {
        if self.script.starts_with("#!") {
            return self.script.clone();
        }
        format!("#!/bin/sh\n{}", self.script)
    }
}

/// What goes into a scheduler in one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub attempt: AttemptId,
    pub account: LocalAccount,
    pub work: Work,
    /// An earlier try may have reached the scheduler: look the marker up first.
    pub may_exist: bool,
}

impl Submission {
    /// What the scheduler carries for us: the attempt's id.
    pub fn marker(&self) -> String {
        self.attempt.to_string()
    }
}

/// The scheduler's receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    pub remote_id: RemoteId,
    /// The scheduler's own submit time; with the marker it tells a reused id from ours.
    pub submitted_at: Timestamp,
    /// It had the marker already.
    pub adopted: bool,
}

/// How the agent names a job to its adapter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RemoteRef {
    pub marker: String,
    pub remote_id: RemoteId,
    pub submitted_at: Timestamp,
    pub account: LocalAccount,
}

/// What the scheduler says of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteJob {
    pub marker: String,
    pub remote_id: RemoteId,
    pub submitted_at: Timestamp,
    /// Of an array: queued until its first task starts, over with its last. Its outcome is completed
    /// if every task's is, and otherwise the failing kind that most tasks have.
    pub activity: Activity,
    /// How far the tasks of an array are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<TaskCounts>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    pub queued: u32,
    pub running: u32,
    pub completed: u32,
    /// Over in any other way.
    pub failed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Activity {
    Queued {
        /// Why it waits, as the scheduler says: `Priority`, `AssocGrpGRES`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<Timestamp>,
    },
    Running {
        started_at: Timestamp,
    },
    Ended {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started_at: Option<Timestamp>,
        ended_at: Timestamp,
        outcome: Outcome,
    },
    /// The scheduler could not be asked for this job just now. No news, and no sign that it is gone.
    Unknown,
}

/// What the site's accounting says a job used, in the scheduler's counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    /// How long it ran where that is not its end less its start: the tasks of an array added up
    /// (the counts are then those of one task), or the pieces between requeues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_seconds: Option<u64>,
    pub nodes: u32,
    /// On all nodes together, as the scheduler counts them (GCDs on LUMI).
    pub scheduler_gpus: u32,
    pub cpus: u32,
    #[serde(default)]
    pub memory_gib: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_joules: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    Stdout,
    Stderr,
}

impl LogStream {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// One subsystem (`slurmctld`, `slurmdbd`, `token`), and what is wrong with it if anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    pub subsystem: String,
    pub problem: Option<String>,
}
