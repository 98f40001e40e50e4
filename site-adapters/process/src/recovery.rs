//! Makes the roster from the folders: after a restart of the agent, or of the machine.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::arrays::Array;
use crate::config::Config;
use crate::folder::{Claim, Folder, Mark, Meta, task_key};
use crate::inner::Inner;
use crate::procfs;
use crate::states::Exit;

/// What the files of one job say, and whether a process of it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    ended: bool,
    claim: ClaimFact,
    cancelled: bool,
    /// The grant, if there is one, is of this start of the machine.
    this_boot: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimFact {
    Absent,
    Torn,
    Alive,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ended,
    Running,
    /// Proven not to have started.
    Queued,
    CancelledInQueue,
    Lost,
}

impl Facts {
    /// A job is started (again) only where the files prove that it never began.
    const fn verdict(self) -> Verdict {
        match self {
            Self { ended: true, .. } => Verdict::Ended,
            Self {
                claim: ClaimFact::Alive,
                ..
            } => Verdict::Running,
            Self {
                claim: ClaimFact::Dead | ClaimFact::Torn,
                ..
            } => Verdict::Lost,
            // The claim is not synced: power may have taken it after the job began.
            Self {
                this_boot: Some(false),
                ..
            } => Verdict::Lost,
            Self {
                cancelled: true, ..
            } => Verdict::CancelledInQueue,
            Self { .. } => Verdict::Queued,
        }
    }
}

/// Prepares the data folder: what an interrupted submit left is removed.
pub(crate) fn prepare(config: &Config) -> io::Result<()> {
    let fresh = config.data.join("tmp");
    match fs::remove_dir_all(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for state in ["tmp", "live", "ended"] {
        fs::create_dir_all(config.data.join(state))?;
    }
    Ok(())
}

pub(crate) fn recover(inner: &Inner) -> io::Result<()> {
    let mut arrays = Vec::new();
    for entry in fs::read_dir(inner.folders("live"))? {
        let folder = Folder::at(entry?.path());
        match folder.meta() {
            Ok(Some(meta)) if meta.work.array.is_some() && meta.task.is_none() => arrays.push(meta),
            Ok(Some(meta)) => recover_one(inner, &folder, meta)?,
            Ok(None) => tracing::warn!(folder = %folder.path().display(), "not a job's folder"),
            Err(error) => {
                tracing::error!(folder = %folder.path().display(), %error, "job cannot be read");
            }
        }
    }
    // Their tasks are where they belong by now.
    for meta in arrays {
        recover_array(inner, meta)?;
    }
    Ok(())
}

fn recover_array(inner: &Inner, meta: Meta) -> io::Result<()> {
    let partition = inner.config.position(&meta.work.partition);
    let cancelled = inner.live(&meta.marker).has(Mark::Cancelled);
    let meta = Arc::new(meta);
    let mut array = Array::new(&meta);
    for index in 0..meta.work.array.map_or(0, |array| array.tasks) {
        let key = task_key(&meta.marker, index);
        if let Some(started_at) = inner.roster().started_at(&key) {
            array.begins(index, started_at);
        } else if let Some((exit, _)) = inner.ended(&key).exit() {
            let is_good = exit == Exit::Status(0) && !inner.ended(&key).has(Mark::Cancelled);
            if let Claim::Written { started_at, .. } = inner.ended(&key).claim() {
                array.begins(index, Some(started_at));
            }
            array.ends(index, is_good);
        }
    }
    let untouched = array.running.is_empty() && array.completed + array.failed == 0;
    if untouched && !cancelled && !meta.work.after.is_empty() {
        inner.roster().hold(&meta, partition);
        return Ok(());
    }
    inner.roster().adopt_array(array, partition);
    if cancelled {
        inner.roster().stop_waiting_tasks(&meta.marker);
    }
    inner.finish_array(&meta.marker)
}

fn recover_one(inner: &Inner, folder: &Folder, meta: Meta) -> io::Result<()> {
    let key = meta.key();
    let verdict = facts(inner, folder, &key).verdict();
    let partition = inner.config.position(&meta.work.partition);
    if partition.is_none() && verdict != Verdict::Ended {
        tracing::error!(
            attempt = meta.marker, partition = %meta.work.partition,
            "a job that is here is of a partition that the settings no longer have; it is told of \
             and can be cancelled, and starts only when the partition is back"
        );
    }
    let meta = Arc::new(meta);
    match verdict {
        Verdict::Ended => {}
        // A task's folder is made when it starts; it has not.
        Verdict::Queued if meta.task.is_some() => return fs::remove_dir_all(folder.path()),
        Verdict::Queued if !meta.work.after.is_empty() && folder.granted().is_none() => {
            inner.roster().hold(&meta, partition);
            return Ok(());
        }
        Verdict::Queued => {
            inner.roster().enqueue(&meta, partition);
            return Ok(());
        }
        Verdict::Running => {
            let granted = folder.granted().map(|granted| granted.grant);
            if let Claim::Written { started_at, .. } = folder.claim() {
                let started_at = meta.not_before_submit(started_at);
                inner
                    .roster()
                    .adopt(&meta, partition, granted.unwrap_or_default(), started_at);
            }
            return Ok(());
        }
        Verdict::CancelledInQueue => folder.write_exit(Exit::Never)?,
        Verdict::Lost => {
            procfs::sweep(&key);
            folder.write_exit(Exit::Lost)?;
        }
    }
    fs::rename(folder.path(), inner.ended(&key).path())
}

fn facts(inner: &Inner, folder: &Folder, marker: &str) -> Facts {
    let granted = folder.granted();
    if granted.is_some() {
        await_claim(folder, marker);
    }
    let claim = match folder.claim() {
        Claim::Absent => ClaimFact::Absent,
        Claim::Torn => ClaimFact::Torn,
        Claim::Written { process, .. } if process.is_alive(&inner.boot) => ClaimFact::Alive,
        Claim::Written { .. } => ClaimFact::Dead,
    };
    Facts {
        claim,
        // After the claim: a wrapper that was seen dead has written what it will ever write.
        ended: folder.exit().is_some(),
        cancelled: folder.has(Mark::Cancelled),
        this_boot: granted.map(|granted| granted.boot == inner.boot),
    }
}

/// A wrapper that its agent spawned in its last moment is about to claim the job: waits for that,
/// and stops one that does not get there.
fn await_claim(folder: &Folder, marker: &str) {
    let until = Instant::now() + Duration::from_secs(5);
    while !matches!(folder.claim(), Claim::Written { .. }) && folder.exit().is_none() {
        if procfs::carrying(marker).is_empty() {
            return;
        }
        if Instant::now() > until {
            procfs::sweep(marker);
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_queued_again_only_when_it_provably_never_began() {
        use ClaimFact::{Absent, Alive, Dead, Torn};
        let facts = |claim, this_boot| Facts {
            ended: false,
            claim,
            cancelled: false,
            this_boot,
        };
        for (facts, verdict) in [
            (facts(Absent, None), Verdict::Queued),
            (facts(Absent, Some(true)), Verdict::Queued),
            (facts(Absent, Some(false)), Verdict::Lost),
            (facts(Torn, Some(true)), Verdict::Lost),
            (facts(Alive, Some(true)), Verdict::Running),
            (facts(Dead, Some(true)), Verdict::Lost),
            (facts(Dead, Some(false)), Verdict::Lost),
        ] {
            assert_eq!(facts.verdict(), verdict, "{facts:?}");
            let ended = Facts {
                ended: true,
                ..facts
            };
            assert_eq!(ended.verdict(), Verdict::Ended);
            let cancelled = Facts {
                cancelled: true,
                ..facts
            };
            assert_ne!(cancelled.verdict(), Verdict::Queued);
        }
    }
}
