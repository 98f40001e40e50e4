use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;

use crate::folder::{Claim, Folder, Granted, Mark};
use crate::procfs;
use crate::roster::Start;
use crate::states::Exit;
use crate::wrapper;

use super::Inner;

impl Inner {
    /// Starts what fits, in order. A start that fails is tried again at the next occasion, and holds
    /// up nobody outside its partition; one that can never succeed ends the job.
    pub(crate) fn start_ready(self: &Arc<Self>) {
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
            let marker = &start.meta.marker;
            if is_for_good(&error) {
                tracing::error!(attempt = marker, %error, "job cannot be started");
                match self.end_unstarted(marker) {
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

    fn end_unstarted(&self, marker: &str) -> io::Result<()> {
        let folder = self.live(marker);
        folder.write_exit(Exit::Unstartable)?;
        let mut roster = self.roster();
        fs::rename(folder.path(), self.ended(marker).path())?;
        roster.remove(marker);
        Ok(())
    }

    fn start(self: &Arc<Self>, start: &Start) -> io::Result<()> {
        let folder = self.live(&start.meta.marker);
        folder.reserve_exit()?;
        folder.write_granted(&Granted {
            boot: self.boot.clone(),
            grant: start.grant.clone(),
        })?;
        let mut child = wrapper::spawn(&self.config, &folder, &start.meta, &start.grant)?;
        let inner = Arc::downgrade(self);
        let marker = start.meta.marker.clone();
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
        if self.roster().job(marker).is_none() {
            return Ok(false);
        }
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
        fs::rename(folder.path(), self.ended(marker).path())?;
        roster.remove(marker);
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
