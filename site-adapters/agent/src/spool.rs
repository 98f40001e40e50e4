//! What the agent must not lose while the broker is away, on disk.
//!
//! `journal` has the newest state of every attempt that was sent or is about to be: what the
//! scheduler calls it, and every event that the broker has not stored. `logs` has log bytes that were
//! read and not taken. After a restart the agent goes on from both, so that the end and the usage of
//! a job arrive even if the scheduler has forgotten it by then.
//!
//! A snapshot is never kept: the broker takes it for the state of the site as it is when it arrives,
//! and a restarted agent makes a new one before anything else.

pub(crate) mod frame;
mod journal;
mod logs;

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker_model::AttemptId;
use site_adapter::LogStream;

use journal::Journal;
pub(crate) use journal::Record;
use logs::Logs;

use crate::attempt::Kept;

/// The spool of one agent; its calls wait for the disk.
///
/// Events are always written, whatever the limit: log bytes are dropped to make room for them, the
/// longest log first, and are read again from the site.
#[derive(Debug)]
pub struct Spool {
    parts: Mutex<Parts>,
}

#[derive(Debug)]
struct Parts {
    journal: Journal,
    logs: Logs,
    limit: u64,
}

/// What a spool held when it was opened.
#[derive(Debug, Default)]
pub struct Restored {
    pub(crate) attempts: Vec<Kept>,
    /// Where each log begins and ends on disk.
    pub(crate) logs: Vec<KeptLog>,
}

impl Restored {
    /// How many attempts the agent goes on with.
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptLog {
    pub(crate) attempt: AttemptId,
    pub(crate) stream: LogStream,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) records: usize,
    pub(crate) bytes: u64,
}

impl Spool {
    /// Opens the spool in a folder, and makes it if it is not there. `limit` is the most that the
    /// bytes of logs may take, in bytes.
    ///
    /// A journal with something in it that cannot be read, such as what a crash left half-written, is
    /// kept as `journal.damaged` (and `.1`, `.2`), and every record that can be read is used.
    pub fn open(folder: &Path, limit: u64) -> io::Result<(Self, Restored)> {
        std::fs::create_dir_all(folder)?;
        let (journal, attempts) = Journal::open(folder)?;
        let mut logs = Logs::open(&folder.join("logs"))?;
        logs.keep_only(|attempt| journal.has(attempt));
        let restored = Restored {
            attempts,
            logs: logs.list(),
        };
        let parts = Mutex::new(Parts {
            journal,
            logs,
            limit,
        });
        Ok((Self { parts }, restored))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores records so that they outlive the machine. When the disk is full, logs make room.
    pub(crate) fn write(&self, records: &[Record]) -> io::Result<()> {
        let mut parts = self.parts();
        let Parts { journal, logs, .. } = &mut *parts;
        for record in records {
            if let Record::Gone(attempt) = record {
                logs.forget(*attempt);
            }
        }
        loop {
            let Err(error) = journal.append(records) else {
                return Ok(());
            };
            let is_full = error.kind() == io::ErrorKind::StorageFull;
            let Some((attempt, stream)) = is_full.then(|| logs.drop_longest()).flatten() else {
                return Err(error);
            };
            tracing::warn!(
                attempt.id = %attempt, stream = stream.as_str(),
                "the disk is full: the kept bytes of a log made room for events; they are read again \
                 from the site"
            );
        }
    }

    /// Adds bytes to a log; false when the limit is reached or the disk is full.
    pub(crate) fn keep_log(
        &self,
        attempt: AttemptId,
        stream: LogStream,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<bool> {
        let mut parts = self.parts();
        if parts.logs.bytes().saturating_add(bytes.len() as u64) > parts.limit {
            return Ok(false);
        }
        match parts.logs.append((attempt, stream), offset, bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads up to `most` bytes of a kept log.
    pub(crate) fn read_log(
        &self,
        attempt: AttemptId,
        stream: LogStream,
        offset: u64,
        most: usize,
    ) -> io::Result<Vec<u8>> {
        self.parts().logs.read((attempt, stream), offset, most)
    }

    /// The broker has a log up to an offset: what is kept of it goes, unless more was added since.
    pub(crate) fn taken(&self, attempt: AttemptId, stream: LogStream, up_to: u64) {
        self.parts().logs.drop_taken((attempt, stream), up_to);
    }

    pub(crate) fn size(&self) -> Size {
        let parts = self.parts();
        Size {
            records: parts.journal.len(),
            bytes: parts.journal.bytes().saturating_add(parts.logs.bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
