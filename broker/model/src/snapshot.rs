use crate::{PartitionId, SiteReadiness, SystemId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a site offers at one moment, as its scheduler says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSnapshot {
    pub observed_at: Timestamp,
    pub readiness: SiteReadiness,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub partitions: Vec<PartitionSnapshot>,
}

/// One partition. A number the scheduler does not tell is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionSnapshot {
    pub system: SystemId,
    pub partition: PartitionId,
    /// Takes new jobs: neither down, drained nor inactive.
    pub accepting: bool,
    pub nodes_total: u32,
    /// Idle, and not drained or reserved.
    pub nodes_free: u32,
    /// Down, drained or draining, failing, in maintenance: they take no job for now.
    #[serde(default)]
    pub nodes_drained: u32,
    /// As the scheduler counts them.
    #[serde(default)]
    pub gpus_total: u32,
    #[serde(default)]
    pub gpus_free: u32,
    /// The same by kind, under the scheduler's own names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuCount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_walltime_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes_per_job: Option<u32>,
    pub jobs_running: u32,
    pub jobs_queued: u32,
    /// Node-seconds that running and queued jobs may still take by their walltimes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog_node_seconds: Option<u64>,
    /// Why it does not accept jobs, in the scheduler's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The latest start that the scheduler itself forecasts for a job that waits here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_start: Option<Timestamp>,
}

/// Accelerators of one kind, as the scheduler names and counts them: `h100`, `nvidia.com/gpu`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuCount {
    pub kind: String,
    pub total: u32,
    pub free: u32,
}
