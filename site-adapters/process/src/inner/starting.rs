use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;

use crate::folder::{Claim, Folder, Granted, Mark, Meta};
use crate::procfs;
use crate::roster::Start;
use crate::states::Exit;
use crate::wrapper;

use super::Inner;

impl Inner {
    /// Starts what fits, in order. A start that fails is tried again at the next occasion, and holds
    /// up nobody outside its partition; one that can never succeed ends the job.
    pub(crate) fn start_ready(self: &Arc<Self>) {
        self.release_held();
        let mut stuck = BTreeSet::new();
        loop {
            // A statement of its own: the guard must not live through the start.
            let next = self.roster().next(&stuck);
            let Some(start) = next else {
                return;
            };
            let Err(error) = self.start(&start) else {
                continue;
            };
            let marker = &start.meta.key();
            if is_for_good(&error) {
                tracing::error!(attempt = marker, %error, "job cannot be started");
                match self.end_unstarted(&start.meta) {
                    Ok(()) => continue,
                    Err(error) => {
                        tracing::warn!(attempt = marker, %error, "and its end cannot be written");
                    }
                }
            } else {
                tracing::warn!(attempt = marker, %error, "job cannot be started yet");
            }
            stuck.insert(start.partition);
            self.roster().put_back(&start);
        }
    }

    fn end_unstarted(&self, meta: &Meta) -> io::Result<()> {
        let folder = self.live(&meta.key());
        folder.write_exit(Exit::Unstartable)?;
        let mut roster = self.roster();
        fs::rename(folder.path(), self.ended(&meta.key()).path())?;
        roster.end_task(meta, false);
        drop(roster);
        self.finish_array(&meta.marker)
    }

    fn start(self: &Arc<Self>, start: &Start) -> io::Result<()> {
        let key = start.meta.key();
        self.place_task(&start.meta)?;
        let folder = self.live(&key);
        folder.reserve_exit()?;
        folder.write_granted(&Granted {
            boot: self.boot.clone(),
            grant: start.grant.clone(),
        })?;
        let cgroups = self.cgroups.as_ref();
        let cgroup = cgroups
            .map(|it| it.make(&start.meta, &start.grant))
            .transpose()?;
        let (meta, grant) = (&start.meta, &start.grant);
        let mut child = wrapper::spawn(&self.config, &folder, meta, grant, cgroup.as_deref())?;
        let inner = Arc::downgrade(self);
        let marker = key;
        tokio::spawn(async move {
            // However it went: what counts is what it has written.
            let _ = child.wait().await;
            if let Some(inner) = inner.upgrade() {
                tokio::task::spawn_blocking(move || inner.settle(&marker, true));
            }
        });
        Ok(())
    }

    pub(crate) fn wrapper_is_alive(&self, folder: &Folder) -> bool {
        match folder.claim() {
            Claim::Written { process, .. } => process.is_alive(&self.boot),
            Claim::Absent | Claim::Torn => false,
        }
    }

    /// Ends a started job if it has ended, and lets the next ones start. With `gone` its wrapper
    /// is known to be no more, so a missing `exit` will not come.
    pub(crate) fn settle(self: &Arc<Self>, marker: &str, gone: bool) {
        match self.try_settle(marker, gone) {
            Ok(true) => self.start_ready(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(attempt = marker, %error, "the end of a job cannot be written");
                self.roster().look_again(marker);
            }
        }
    }

    fn try_settle(&self, marker: &str, gone: bool) -> io::Result<bool> {
        let Some(meta) = self.roster().job(marker).map(|live| Arc::clone(&live.meta)) else {
            return Ok(false);
        };
        let folder = self.live(marker);
        if folder.exit().is_none() {
            if !gone {
                return Ok(false);
            }
            conclude(&folder)?;
        }
        let stopped = folder.has(Mark::Cancelled) || folder.has(Mark::TimedOut);
        if stopped || matches!(folder.exit(), Some((Exit::Lost, _))) {
            procfs::sweep(marker);
        }
        let mut roster = self.roster();
        if roster.job(marker).is_none() {
            return Ok(false);
        }
        let is_good = matches!(folder.exit(), Some((Exit::Status(0), _))) && !stopped;
        fs::rename(folder.path(), self.ended(marker).path())?;
        roster.end_task(&meta, is_good);
        drop(roster);
        if let Some(cgroups) = &self.cgroups {
            cgroups.remove(marker);
        }
        self.finish_array(&meta.marker)?;
        Ok(true)
    }
}

/// The system does not take these words as a command, whenever they are given to it.
fn is_for_good(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ArgumentListTooLong | io::ErrorKind::InvalidInput
    )
}

/// Writes the end for a wrapper that cannot any more.
pub(crate) fn conclude(folder: &Folder) -> io::Result<()> {
    if !folder.path().exists() {
        return Ok(());
    }
    let began = folder.claim() != Claim::Absent;
    folder.write_exit(if !began && folder.has(Mark::Cancelled) {
        Exit::Never
    } else {
        Exit::Lost
    })
}
