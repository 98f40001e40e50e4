use broker_model::{
    AllocationId, DecisionId, Job, JobId, JobSpec, Missing, Outcome, PartitionRef, Placement,
    ProjectId, Refusal, RemoteId, StateName, UnitMillis,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::DecisionView;

/// A job as `GET /jobs/{id}` answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    pub id: JobId,
    pub name: String,
    pub state: StateName,
    pub project: ProjectId,
    pub allocation: AllocationId,
    pub decision: DecisionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<PartitionRef>,
    /// What the site calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<RemoteId>,
    /// Why a queued job waits, in the words of the site's scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_reason: Option<String>,
    /// When the scheduler itself expects to start a queued job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why a held job waits: `confirmation` by a person of the site of `partition`, `handoff` by somebody
    /// to that site, `terms`, `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// The partitions whose site refused it, with the site's words, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// Still held on the allocation, in unit-milliseconds; 0 once settled.
    pub held_unit_ms: UnitMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub spec: JobSpec,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        job.clone().into()
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let waits = job.state.waits_for();
        let (reason, expected_start) = job.state.waits().unwrap_or_default();
        let queue_reason = reason.map(str::to_owned);
        Self {
            id: job.id,
            queue_reason,
            expected_start,
            name: job.spec.name.clone(),
            state: job.state.name(),
            project: job.spec.project,
            allocation: job.allocation,
            decision: job.decision,
            partition: job.state.partition().cloned(),
            remote_id: job.state.remote_id().cloned(),
            started_at: job.state.started_at(),
            ended_at: job.state.ended_at(),
            outcome: job.state.outcome().cloned(),
            waits_for: waits.map(|(reason, _)| reason.as_str().to_owned()),
            waits_since: waits.map(|(_, since)| since),
            refusals: job.refusals,
            held_unit_ms: job.held,
            cancel_requested_at: job.cancel_requested_at,
            created_at: job.created_at,
            updated_at: job.updated_at,
            spec: job.spec,
        }
    }
}

impl JobView {
    /// For which person a held job waits, and since when: `hammerhai's confirmation since …`.
    pub fn waits(&self) -> Option<String> {
        let (waits_for, since) = (self.waits_for.as_deref()?, self.waits_since?);
        let site = self.partition.as_ref().map(|at| &at.site);
        Some(match (waits_for, site) {
            ("confirmation", Some(site)) => format!("{site}'s confirmation since {since}"),
            ("handoff", Some(site)) => format!("somebody to hand it in at {site} since {since}"),
            (other, _) => format!("{other} since {since}"),
        })
    }
}

/// What `POST /jobs/quote` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuoteView {
    pub allocation: AllocationId,
    pub eligibility: DecisionView,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Terms without which the job would be refused.
    #[serde(default)]
    pub missing: Vec<Missing>,
}

/// A piece of a log: one SSE event of `GET /jobs/{id}/logs`, whose id is the offset after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    pub offset: u64,
    /// The bytes as text where they are UTF-8; a byte that is not is shown as U+FFFD.
    pub text: String,
    /// Base64 of the exact bytes, only where `text` is not exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}
