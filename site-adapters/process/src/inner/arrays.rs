use std::fs;
use std::io;
use std::sync::Arc;

use broker_model::{Outcome, OutcomeKind};
use rustix::process::Signal;
use site_adapter::{Activity, RemoteJob, Result, TaskCounts, outcome_of_tasks};

use crate::arrays::Summary;
use crate::folder::{Claim, Folder, Mark, Meta, sync_folder, task_key};
use crate::states::{self, Exit};

use super::Inner;

impl Inner {
    /// Makes the folder of a task that is to start, unless a start before this one did.
    pub(super) fn place_task(&self, meta: &Meta) -> io::Result<()> {
        let place = self.live(&meta.key());
        if meta.task.is_none() || place.path().exists() {
            return Ok(());
        }
        let fresh = Folder::at(self.folders("tmp").join(meta.key()));
        match fs::remove_dir_all(fresh.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fresh.write_new(meta)?,
        }
        fs::rename(fresh.path(), place.path())?;
        sync_folder(&self.folders("live"))
    }

    /// An array as it stands now, if it is not over.
    pub(super) fn tell_array(self: &Arc<Self>, marker: &str) -> Option<RemoteJob> {
        let running = self.roster().array(marker)?.running.clone();
        // Their ends are told; those of tasks that an earlier adapter started have to be looked at.
        for index in running {
            self.look_at_task(&task_key(marker, index));
        }
        let roster = self.roster();
        let array = roster.array(marker)?;
        let activity = match array.started_at {
            Some(started_at) => Activity::Running { started_at },
            None => Activity::Queued {
                reason: Some("Resources".to_owned()),
                expected_start: None,
            },
        };
        Some(RemoteJob {
            tasks: Some(array.counts()),
            ..array.meta.told(activity)
        })
    }

    fn look_at_task(self: &Arc<Self>, key: &str) {
        let folder = self.live(key);
        if let Claim::Written { started_at, .. } = folder.claim() {
            self.roster().set_started_at(key, started_at);
        }
        let child = self.roster().is_child(key);
        if folder.exit().is_some() || (!child && !self.wrapper_is_alive(&folder)) {
            self.settle(key, !child);
        }
    }

    /// Stops the tasks that run; the others never will.
    pub(super) fn cancel_array(self: &Arc<Self>, marker: &str) -> Result<()> {
        let failed = |error| self.on_disk("cancel", error);
        self.live(marker).mark(Mark::Cancelled).map_err(failed)?;
        let running = self.roster().stop_waiting_tasks(marker);
        for index in running {
            let folder = self.live(&task_key(marker, index));
            match folder.mark(Mark::Cancelled) {
                // It ended and moved away just now, or its folder is only being made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                written => written.map_err(failed)?,
            }
            if let Claim::Written { process, .. } = folder.claim() {
                process.signal(&self.boot, Signal::TERM).map_err(failed)?;
            }
        }
        self.finish_array(marker).map_err(failed)?;
        self.start_ready();
        Ok(())
    }

    /// Writes down what became of an array, if all of its tasks are over, and puts it away.
    pub(crate) fn finish_array(&self, marker: &str) -> io::Result<()> {
        let meta = match self.roster().array(marker) {
            Some(array) if array.is_over() => Arc::clone(&array.meta),
            _ => return Ok(()),
        };
        self.put_array_away(&meta, Exit::Never)
    }

    /// `unstarted` is the end of the tasks that have no folder.
    pub(super) fn put_array_away(&self, meta: &Meta, unstarted: Exit) -> io::Result<()> {
        let folder = self.live(&meta.marker);
        if !folder.path().exists() {
            return Ok(());
        }
        folder.write_summary(&self.summary(meta, unstarted))?;
        let mut roster = self.roster();
        fs::rename(folder.path(), self.ended(&meta.marker).path())?;
        roster.remove_array(&meta.marker);
        drop(roster);
        sync_folder(&self.folders("ended"))
    }

    fn summary(&self, meta: &Meta, unstarted: Exit) -> Summary {
        let mut all = Summary {
            started_at: None,
            ended_at: self.clock.now().max(meta.submitted_at),
            outcome: unstarted.outcome(false, false),
            tasks: TaskCounts::default(),
            elapsed_seconds: 0,
            grant: None,
        };
        let tasks = meta.work.array.map_or(0, |array| array.tasks);
        let mut outcomes: Vec<(u32, Outcome)> = Vec::new();
        for index in 0..tasks {
            let folder = self.ended(&task_key(&meta.marker, index));
            let outcome = match states::ended(&folder, meta) {
                Some(Activity::Ended {
                    started_at,
                    ended_at,
                    outcome,
                }) => {
                    if let Some(started_at) = started_at {
                        let ran = ended_at.duration_since(started_at).as_secs();
                        all.elapsed_seconds += u64::try_from(ran).unwrap_or(0);
                        all.started_at = [all.started_at, Some(started_at)]
                            .into_iter()
                            .flatten()
                            .min();
                        all.grant = all.grant.or_else(|| Some(folder.granted()?.grant));
                    }
                    outcome
                }
                _ => unstarted.outcome(false, false),
            };
            if outcome.kind == OutcomeKind::Completed {
                all.tasks.completed += 1;
            } else {
                all.tasks.failed += 1;
            }
            outcomes.push((index, outcome));
        }
        if let Some(outcome) = outcome_of_tasks(outcomes) {
            all.outcome = outcome;
        }
        all
    }
}
