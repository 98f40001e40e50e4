//! Arrays: one job to the agent, and a job of its own here for each task that runs.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use broker_model::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use site_adapter::{Activity, TaskCounts, UsageReport};

use crate::capacity::Grant;
use crate::folder::Meta;

/// An array that is not over. Only tasks that run take memory and a folder.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) meta: Arc<Meta>,
    pub(crate) waiting: VecDeque<u32>,
    pub(crate) running: BTreeSet<u32>,
    pub(crate) completed: u32,
    pub(crate) failed: u32,
    pub(crate) started_at: Option<Timestamp>,
}

impl Array {
    pub(crate) fn new(meta: &Arc<Meta>) -> Self {
        let tasks = meta.work.array.map_or(0, |array| array.tasks);
        Self {
            meta: Arc::clone(meta),
            waiting: (0..tasks).collect(),
            running: BTreeSet::new(),
            completed: 0,
            failed: 0,
            started_at: None,
        }
    }

    /// As many run as may at once.
    pub(crate) fn is_full(&self) -> bool {
        let most = self.meta.work.array.and_then(|array| array.at_once);
        most.is_some_and(|most| count(self.running.len()) >= most)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    pub(crate) fn counts(&self) -> TaskCounts {
        TaskCounts {
            queued: count(self.waiting.len()),
            running: count(self.running.len()),
            completed: self.completed,
            failed: self.failed,
        }
    }

    pub(crate) fn begins(&mut self, index: u32, at: Option<Timestamp>) {
        self.waiting.retain(|waiting| *waiting != index);
        self.running.insert(index);
        self.started_at = [self.started_at, at].into_iter().flatten().min();
    }

    pub(crate) fn ends(&mut self, index: u32, is_good: bool) {
        self.waiting.retain(|waiting| *waiting != index);
        self.running.remove(&index);
        if is_good {
            self.completed += 1;
        } else {
            self.failed += 1;
        }
    }
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// What became of an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) tasks: TaskCounts,
    /// Of all tasks that ran, added up.
    pub(crate) elapsed_seconds: u64,
    /// Of one task that ran.
    pub(crate) grant: Option<Grant>,
}

impl Summary {
    pub(crate) fn activity(&self) -> Activity {
        Activity::Ended {
            started_at: self.started_at,
            ended_at: self.ended_at,
            outcome: self.outcome.clone(),
        }
    }

    pub(crate) fn usage(&self) -> Option<UsageReport> {
        let grant = self.grant.as_ref()?;
        Some(UsageReport {
            started_at: self.started_at?,
            ended_at: self.ended_at,
            elapsed_seconds: Some(self.elapsed_seconds),
            nodes: count(grant.nodes.len()),
            scheduler_gpus: count(grant.gpus.len()),
            cpus: grant.cpus,
            memory_gib: grant.memory_gib,
            energy_joules: None,
        })
    }
}
