use std::sync::Arc;

use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, RemoteRef, Result};

use super::{Inner, is_marker};
use crate::folder::{Claim, Meta};
use crate::roster::LiveState;
use crate::states;

impl Inner {
    /// What was submitted under a marker, whatever became of it.
    pub(super) fn meta(&self, marker: &str, operation: &'static str) -> Result<Option<Arc<Meta>>> {
        if let Some(live) = self.roster().job(marker) {
            return Ok(Some(Arc::clone(&live.meta)));
        }
        // Ended on both sides of live: a folder that moves in between is seen at its new place.
        for folder in [self.ended(marker), self.live(marker), self.ended(marker)] {
            let meta = folder.meta().map_err(|e| self.on_disk(operation, e))?;
            if meta.is_some() {
                return Ok(meta.map(Arc::new));
            }
        }
        Ok(None)
    }

    pub(crate) fn find(self: &Arc<Self>, marker: &str) -> Result<Option<RemoteJob>> {
        if is_marker(marker) {
            self.tell(marker)
        } else {
            Ok(None)
        }
    }

    pub(crate) fn poll(self: &Arc<Self>, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        let mut told = Vec::with_capacity(jobs.len());
        for job in jobs.iter().filter(|job| is_marker(&job.marker)) {
            told.extend(self.tell(&job.marker)?.filter(|found| {
                found.submitted_at == job.submitted_at && found.remote_id == job.remote_id
            }));
        }
        Ok(told)
    }

    /// Where a job stands, seen from its files where the memory may be behind them.
    pub(super) fn tell(self: &Arc<Self>, marker: &str) -> Result<Option<RemoteJob>> {
        if let Some(meta) = self.roster().held_one(marker) {
            return Ok(Some(meta.told(queued("Dependency"))));
        }
        if let Some(told) = self.tell_array(marker) {
            return Ok(Some(told));
        }
        let live = self.roster().job(marker).cloned();
        if let Some(live) = live {
            let activity = match live.state {
                LiveState::Queued if live.has_partition() => Some(queued("Resources")),
                LiveState::Queued => Some(queued("PartitionGone")),
                LiveState::Started {
                    started_at, child, ..
                } => self.activity(&live.meta, started_at, child),
            };
            if let Some(activity) = activity {
                return Ok(Some(live.meta.told(activity)));
            }
        }
        let Some(meta) = self.meta(marker, "find")? else {
            return Ok(None);
        };
        if let Some(summary) = self.ended(marker).summary() {
            return Ok(Some(RemoteJob {
                tasks: Some(summary.tasks),
                ..meta.told(summary.activity())
            }));
        }
        let ended = states::ended(&self.ended(marker), &meta);
        // Between its folder and its place in the queue.
        Ok(Some(
            meta.told(ended.unwrap_or_else(|| queued("Submitting"))),
        ))
    }

    /// Of a started job; `None` once it has ended and moved.
    fn activity(
        self: &Arc<Self>,
        meta: &Meta,
        started_at: Option<Timestamp>,
        child: bool,
    ) -> Option<Activity> {
        let folder = self.live(&meta.marker);
        if folder.exit().is_some() || (!child && !self.wrapper_is_alive(&folder)) {
            self.settle(&meta.marker, !child);
            return states::ended(&folder, meta);
        }
        if let Some(started_at) = started_at {
            return Some(Activity::Running { started_at });
        }
        match folder.claim() {
            Claim::Written { started_at, .. } => {
                let started_at = meta.not_before_submit(started_at);
                self.roster().set_started_at(&meta.marker, started_at);
                Some(Activity::Running { started_at })
            }
            Claim::Absent | Claim::Torn => {
                let moved = self.roster().job(&meta.marker).is_none();
                (!moved).then(|| queued("Starting"))
            }
        }
    }
}

fn queued(reason: &str) -> Activity {
    Activity::Queued {
        reason: Some(reason.to_owned()),
        expected_start: None,
    }
}
