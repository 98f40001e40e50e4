//! What the adapter does, in blocking calls: short file operations on a local disk.

mod arrays;
mod lookup;
mod starting;
mod waiting;

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_model::{AttemptId, Clock, RemoteId};
use rustix::process::Signal;
use site_adapter::{
    Error, ErrorKind, LogStream, RemoteRef, Result, Submission, Submitted, UsageReport,
};

use crate::cgroup::Cgroups;
use crate::config::Config;
use crate::folder::{Claim, Folder, Mark, Meta, sync_folder};
use crate::roster::{LiveState, Roster};
use crate::states::{self, Exit};

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) boot: String,
    pub(crate) cgroups: Option<Cgroups>,
    roster: Mutex<Roster>,
    fresh: AtomicU64,
    /// Held as long as this lives; closed on exec, so no job keeps it.
    _lock: File,
}

impl Meta {
    /// The marker: a process number is not known before the start and given out again after it.
    pub(crate) fn remote_id(&self) -> RemoteId {
        RemoteId(self.marker.clone())
    }

    fn is(&self, job: &RemoteRef) -> bool {
        self.marker == job.marker
            && self.submitted_at == job.submitted_at
            && self.remote_id() == job.remote_id
    }

    fn receipt(&self, adopted: bool) -> Submitted {
        Submitted {
            remote_id: self.remote_id(),
            submitted_at: self.submitted_at,
            adopted,
        }
    }
}

impl Inner {
    pub(crate) fn new(
        config: Config,
        cgroups: Option<Cgroups>,
        clock: Arc<dyn Clock>,
        boot: String,
        lock: File,
    ) -> Self {
        Self {
            cgroups,
            roster: Mutex::new(Roster::new(&config)),
            config,
            clock,
            boot,
            fresh: AtomicU64::new(0),
            _lock: lock,
        }
    }

    pub(crate) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn folders(&self, state: &str) -> PathBuf {
        self.config.data.join(state)
    }

    pub(crate) fn live(&self, marker: &str) -> Folder {
        Folder::at(self.folders("live").join(marker))
    }

    pub(crate) fn ended(&self, marker: &str) -> Folder {
        Folder::at(self.folders("ended").join(marker))
    }

    pub(crate) fn submit(self: &Arc<Self>, submission: &Submission) -> Result<Submitted> {
        let marker = submission.marker();
        if let Some(meta) = self.meta(&marker, "submit")? {
            return Ok(meta.receipt(true));
        }
        let partition = self.config.check(&submission.work)?;
        let meta = Arc::new(Meta {
            marker,
            account: submission.account.clone(),
            submitted_at: self.clock.now(),
            work: submission.work.clone(),
            task: None,
        });
        if !self.write_down(&meta)? {
            let first = self.meta(&meta.marker, "submit")?;
            return first
                .map(|first| first.receipt(true))
                .ok_or_else(|| local("submit", "the job's folder was taken away"));
        }
        if meta.work.after.is_empty() {
            self.roster().enqueue(&meta, Some(partition));
        } else {
            self.roster().hold(&meta, Some(partition));
        }
        self.start_ready();
        Ok(meta.receipt(false))
    }

    /// Puts the folder in place as a whole; false when the marker is there already.
    fn write_down(&self, meta: &Meta) -> Result<bool> {
        let number = self.fresh.fetch_add(1, Ordering::Relaxed);
        let fresh = Folder::at(
            self.folders("tmp")
                .join(format!("{}-{number}", meta.marker)),
        );
        let placed = fresh
            .write_new(meta)
            .and_then(|()| self.place(&fresh, meta));
        if !matches!(placed, Ok(true)) {
            // What is left there is removed by the next open.
            let _ = fs::remove_dir_all(fresh.path());
            return placed.map_err(|error| self.on_disk("submit", error));
        }
        sync_folder(&self.folders("live")).map_err(|error| {
            let words = "the job is there, and may not survive a loss of power";
            Error::new(ErrorKind::Unclear, "submit", words).caused_by(error)
        })?;
        Ok(true)
    }

    /// Folders move to `ended` under the same guard, so a marker that ran and ended since it was
    /// looked up is seen here.
    fn place(&self, fresh: &Folder, meta: &Meta) -> io::Result<bool> {
        let roster = self.roster();
        if roster.has(&meta.marker) || self.ended(&meta.marker).path().exists() {
            return Ok(false);
        }
        match fs::rename(fresh.path(), self.live(&meta.marker).path()) {
            Ok(()) => Ok(true),
            Err(error) => match error.kind() {
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => Ok(false),
                _ => Err(error),
            },
        }
    }

    pub(crate) fn cancel(self: &Arc<Self>, job: &RemoteRef) -> Result<()> {
        if self.cancel_held(job)? {
            return Ok(());
        }
        let array = self
            .roster()
            .array(&job.marker)
            .map(|it| Arc::clone(&it.meta));
        if let Some(meta) = array {
            return if meta.is(job) {
                self.cancel_array(&job.marker)
            } else {
                Ok(())
            };
        }
        let Some(meta) = self.roster().job(&job.marker).map(|l| Arc::clone(&l.meta)) else {
            return Ok(());
        };
        let folder = self.live(&job.marker);
        if !meta.is(job) || folder.exit().is_some() {
            return Ok(());
        }
        match folder.mark(Mark::Cancelled) {
            // It ended and moved away just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            marked => marked.map_err(|error| self.on_disk("cancel", error))?,
        }
        if self.end_queued(&job.marker, &folder)? {
            self.start_ready();
            return Ok(());
        }
        // The wrapper writes its claim and then looks for the mark: if there is no claim yet, it
        // will see the mark.
        if let Claim::Written { process, .. } = folder.claim() {
            process
                .signal(&self.boot, Signal::TERM)
                .map_err(|error| self.on_disk("cancel", error))?;
        }
        Ok(())
    }

    /// Ends a job that waits for another; false when it does not (any more).
    fn cancel_held(self: &Arc<Self>, job: &RemoteRef) -> Result<bool> {
        let held = self.roster().held_one(&job.marker).map(Arc::clone);
        let Some(meta) = held.filter(|meta| meta.is(job)) else {
            return Ok(false);
        };
        let failed = |error| self.on_disk("cancel", error);
        self.live(&job.marker)
            .mark(Mark::Cancelled)
            .map_err(failed)?;
        self.end_held(&meta, Exit::Never).map_err(failed)?;
        self.start_ready();
        Ok(true)
    }

    /// Ends a job that waits; false when it does not (any more).
    fn end_queued(&self, marker: &str, folder: &Folder) -> Result<bool> {
        let failed = |error| self.on_disk("cancel", error);
        let mut roster = self.roster();
        let queued = roster
            .job(marker)
            .is_some_and(|live| live.state == LiveState::Queued);
        if !queued {
            return Ok(false);
        }
        folder
            .write_exit(Exit::Never)
            .and_then(|()| fs::rename(folder.path(), self.ended(marker).path()))
            .map_err(failed)?;
        roster.remove(marker);
        drop(roster);
        // A loss of power must not bring back into the queue what was told as cancelled.
        for folders in ["ended", "live"] {
            sync_folder(&self.folders(folders)).map_err(failed)?;
        }
        Ok(true)
    }

    pub(crate) fn usage(self: &Arc<Self>, job: &RemoteRef) -> Result<Option<UsageReport>> {
        if !is_marker(&job.marker) || self.tell(&job.marker)?.is_none() {
            return Ok(None);
        }
        let folder = self.ended(&job.marker);
        let meta = folder.meta().map_err(|e| self.on_disk("usage", e))?;
        let Some(meta) = meta.filter(|meta| meta.is(job)) else {
            return Ok(None);
        };
        let usage = match folder.summary() {
            Some(summary) => summary.usage(),
            None => states::usage(&folder, &meta),
        };
        folder
            .mark(Mark::Metered)
            .map_err(|error| self.on_disk("usage", error))?;
        Ok(usage)
    }

    pub(crate) fn read_log(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        if !is_marker(&job.marker) {
            return Ok(Vec::new());
        }
        // Ended last: a folder that moves in between is seen at its new place.
        for folder in [self.live(&job.marker), self.ended(&job.marker)] {
            let read = folder
                .read_log(stream, offset, max_bytes)
                .map_err(|error| self.on_disk("read log", error))?;
            if let Some(bytes) = read {
                return Ok(bytes);
            }
        }
        Ok(Vec::new())
    }

    pub(crate) fn on_disk(&self, operation: &'static str, error: io::Error) -> Error {
        let place = self.config.data.display();
        let words = format!("{place}: {error}; see to free space and access there");
        local(operation, words).caused_by(error)
    }
}

pub(crate) fn local(operation: &'static str, words: impl Into<String>) -> Error {
    Error::new(ErrorKind::Local, operation, words)
}

/// Only what we may have given out becomes part of a path.
pub(crate) fn is_marker(text: &str) -> bool {
    text.parse::<AttemptId>().is_ok()
}
