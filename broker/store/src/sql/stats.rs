use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use broker_model::{JobId, SiteId};

/// What the committer has done since it started: for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CommitStats {
    /// Transactions that were committed.
    pub groups: u64,
    /// Changes in them.
    pub changes: u64,
    /// Changes that were refused for what they asked, alone.
    pub refused: u64,
    /// Transactions that the database did not take.
    pub failed_groups: u64,
    pub largest_group: u32,
    /// From the beginning of the transaction to the answer of the commit, over all groups.
    pub commit_seconds_sum: f64,
}

/// What a commit has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nudge {
    pub jobs: Vec<JobId>,
    /// Sites that have new work, or whose state or capacity was told.
    pub sites: Vec<SiteId>,
    pub ledger_size: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    groups: AtomicU64,
    changes: AtomicU64,
    refused: AtomicU64,
    failed_groups: AtomicU64,
    largest_group: AtomicU32,
    commit_micros: AtomicU64,
}

impl Counters {
    pub(super) fn committed(&self, changes: u32, refused: u32, took: Duration) {
        self.groups.fetch_add(1, Relaxed);
        self.changes.fetch_add(u64::from(changes), Relaxed);
        self.refused.fetch_add(u64::from(refused), Relaxed);
        self.largest_group.fetch_max(changes, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commit_micros.fetch_add(micros, Relaxed);
    }

    pub(super) fn refused(&self, refused: u32) {
        self.refused.fetch_add(u64::from(refused), Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed_groups.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> CommitStats {
        CommitStats {
            groups: self.groups.load(Relaxed),
            changes: self.changes.load(Relaxed),
            refused: self.refused.load(Relaxed),
            failed_groups: self.failed_groups.load(Relaxed),
            largest_group: self.largest_group.load(Relaxed),
            commit_seconds_sum: Duration::from_micros(self.commit_micros.load(Relaxed))
                .as_secs_f64(),
        }
    }
}
