//! What is known of a job that PBS no longer tells of: no history is kept, or not for long.

use std::collections::HashMap;
use std::sync::Arc;

use broker_model::{Outcome, OutcomeKind};
use site_adapter::{Activity, Error, ErrorKind, LocalAccount, RemoteJob, RemoteRef, Result};

use crate::adapter::{PbsAdapter, checked_marker, marked_at};
use crate::calls::accounting::{self, Line};
use crate::calls::{files, number};
use crate::record::JobRecord;

use super::records::Own;

impl PbsAdapter {
    /// The end of a job, by the accounting log or by its wrapper's record. `None` is proof that its
    /// code was never started; an error, that nobody can tell.
    pub(super) async fn traces_of(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let own = self.own_traces(&account.user, marker).await?;
        if let Own::Array(array) = &own {
            return Ok(Some(array.remote(marker, self.clock.now())));
        }
        if let Some(job) = self.accounted(account, marker, None).await?.pop() {
            let activity = job.activity(own.job());
            return Ok(Some(job.remote(marker, activity)));
        }
        if let Some(told) = own.remote(marker, self.clock.now()) {
            return Ok(Some(told));
        }
        if let Some(deleted) = self.deleted_unstarted(account, marker).await? {
            return Ok(Some(deleted));
        }
        let folder = self.settings.work_dir_of(&account.user);
        let ran = self.run(&account.user, files::is_folder(&folder)).await?;
        if ran.is_ok() {
            return Ok(None);
        }
        let message =
            format!("PBS keeps no history, and {folder} is not there to look for traces in");
        Err(Error::new(ErrorKind::Unavailable, "find", message))
    }

    /// The same of a job whose id is known, and of the tasks of an array.
    pub(super) async fn end_of(&self, job: &RemoteRef) -> Result<Option<RemoteJob>> {
        let told = |activity| RemoteJob {
            marker: job.marker.clone(),
            remote_id: job.remote_id.clone(),
            submitted_at: job.submitted_at,
            activity,
            tasks: None,
        };
        let own = self.own_traces(&job.account.user, &job.marker).await?;
        if let Own::Array(array) = &own {
            let seen = array.remote(&job.marker, self.clock.now());
            return Ok(Some(RemoteJob {
                tasks: seen.tasks,
                ..told(seen.activity)
            }));
        }
        let accounted = self.pieces_of(job).await?;
        if let Some(ended) = accounted.into_iter().rfind(|ended| ended.is(job)) {
            return Ok(Some(told(ended.activity(own.job()))));
        }
        if let Own::Job(own) = own {
            // Otherwise another job of the attempt was let run its code, and is found by its name.
            let is_its = number(&own.job_id) == number(&job.remote_id.0);
            return Ok(is_its.then(|| told(own.activity(self.clock.now()))));
        }
        // Before the accounting log, in which a removal by PBS looks like any other.
        if let Some(removed) = self.removed_for(job).await? {
            return Ok(Some(told(removed)));
        }
        let deleted = self.deleted_unstarted(&job.account, &job.marker).await?;
        Ok(deleted.map(|deleted| told(deleted.activity)))
    }

    /// The same of many at once, by marker: of those that wrote their end or were deleted, where the accounting log is
    /// not ours to read.
    pub(super) async fn own_ends(&self, jobs: &[&RemoteRef]) -> HashMap<String, Activity> {
        if self.settings.accounting_dir.is_some() {
            return HashMap::new();
        }
        let records = self.records_of(jobs).await;
        let now = self.clock.now();
        let ends = jobs.iter().filter_map(|job| {
            let own = records.get(&job.marker)?.as_ref().ok()?.as_ref()?;
            // Otherwise another job of the attempt was let run its code.
            let is_its = number(&own.job_id) == number(&job.remote_id.0);
            let is_over = is_its && (own.has_ended() || own.is_cancelled());
            is_over.then(|| (job.marker.clone(), own.activity(now)))
        });
        ends.collect()
    }

    /// The pieces in which a job ran, in their order; nothing where the log is not ours to read.
    pub(super) async fn pieces_of(&self, job: &RemoteRef) -> Result<Vec<JobRecord>> {
        self.accounted(&job.account, &job.marker, Some(&job.remote_id.0))
            .await
    }

    async fn accounted(
        &self,
        account: &LocalAccount,
        marker: &str,
        id: Option<&str>,
    ) -> Result<Vec<JobRecord>> {
        let lines = self.lines(account, marker, "ER").await?;
        let lines = lines
            .iter()
            .filter(|line| id.is_none_or(|id| line.id == id));
        Ok(self.with_names(|names| {
            lines
                .filter_map(|line| JobRecord::from_accounting(&line.id, &line.told, names))
                .collect()
        }))
    }

    /// Queued and deleted: there is a `Q` line with its name, and a `D` or `A` line with its id.
    async fn deleted_unstarted(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let lines = self.lines(account, marker, "QSDA").await?;
        let queued = lines.iter().rev().find(|line| line.kind == 'Q');
        let Some(queued) = queued else {
            return Ok(None);
        };
        let of_it = |kinds: &'static str| {
            let mut own = lines.iter().filter(|line| line.id == queued.id);
            own.any(|line| kinds.contains(line.kind))
        };
        let names =
            |told| self.with_names(|names| JobRecord::from_accounting(&queued.id, told, names));
        let Some(job) = names(&queued.told) else {
            return Ok(None);
        };
        if of_it("S") || !of_it("DA") {
            return Ok(None);
        }
        let activity = Activity::Ended {
            started_at: None,
            ended_at: job.ended_at().unwrap_or(job.submitted_at),
            outcome: Outcome {
                kind: OutcomeKind::Cancelled,
                exit_code: None,
                signal: None,
                site_words: "deleted while it waited, by the accounting log".to_owned(),
            },
        };
        Ok(Some(job.remote(marker, activity)))
    }

    async fn lines(
        &self,
        account: &LocalAccount,
        marker: &str,
        kinds: &'static str,
    ) -> Result<Vec<Line>> {
        let Some(folder) = self.settings.accounting_dir.clone() else {
            return Ok(Vec::new());
        };
        let marker: Arc<str> = checked_marker(marker)?.into();
        let since = marked_at(&marker).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let user = account.user.clone();
        let search = move || {
            let named = |line: &Line| kinds.contains(line.kind) && line.is_of(&user, &marker);
            let mut found = accounting::search(&folder, since, &named)?;
            let bare = kinds.contains('D');
            if let Some(id) = found.first().map(|line| line.id.clone()).filter(|_| bare) {
                // A `D` line has the id and who asked for it, and no name.
                let deleted = |line: &Line| "DA".contains(line.kind) && line.id == id;
                found.extend(accounting::search(&folder, since, &deleted)?);
            }
            Ok(found)
        };
        let read = tokio::task::spawn_blocking(search).await;
        read.map_err(|error| {
            Error::new(ErrorKind::Local, "accounting", "the reader ended early").caused_by(error)
        })?
    }
}
