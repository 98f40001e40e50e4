use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use broker_model::AttemptId;
use serde::{Deserialize, Serialize};

use super::frame::{self, HEADER, Next};
use crate::attempt::Kept;

/// A journal shorter than this is not worth rewriting.
const SMALL: u64 = 1024 * 1024;

/// The newest record of an attempt is what counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    Kept(Box<Kept>),
    /// The broker has stored its last event, or took it back.
    Gone(AttemptId),
}

impl Record {
    pub(crate) const fn attempt(&self) -> AttemptId {
        match self {
            Self::Kept(kept) => kept.attempt,
            Self::Gone(attempt) => *attempt,
        }
    }
}

/// An append-only file; rewritten when most of it is of the past.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    file: File,
    /// Where the next record goes: what lies behind was never acknowledged.
    end: u64,
    /// Where the newest record of each attempt is, and how long.
    live: BTreeMap<AttemptId, (u64, u64)>,
    live_bytes: u64,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Kept>)> {
        let path = folder.join("journal");
        let file = private(OpenOptions::new().read(true).write(true).create(true)).open(&path)?;
        let length = file.metadata()?.len();
        let mut journal = Self {
            folder: folder.to_owned(),
            file,
            end: 0,
            live: BTreeMap::new(),
            live_bytes: 0,
        };
        let kept = journal.replay()?;
        if journal.end < length {
            journal.set_aside(&path, length)?;
        }
        Ok((journal, kept.into_values().collect()))
    }

    fn replay(&mut self) -> io::Result<BTreeMap<AttemptId, Kept>> {
        let mut kept = BTreeMap::new();
        let mut reader = BufReader::new(self.file.try_clone()?);
        while let Next::Frame(payload) = frame::next(&mut reader)? {
            let length = HEADER + payload.len() as u64;
            let Ok(record) = serde_json::from_slice::<Record>(&payload) else {
                // Written by a later version: this one cannot know what it means.
                break;
            };
            self.place(&record, length);
            match record {
                Record::Kept(state) => drop(kept.insert(state.attempt, *state)),
                Record::Gone(attempt) => drop(kept.remove(&attempt)),
            }
        }
        Ok(kept)
    }

    /// Cuts off what cannot be read, after a copy of the file as it was. The last record of a crash
    /// was acknowledged to nobody; anything more is worth a look.
    fn set_aside(&self, path: &Path, length: u64) -> io::Result<()> {
        let lost = length.saturating_sub(self.end);
        tracing::warn!(
            bytes = lost,
            path = %path.display(),
            "the end of the spool's journal cannot be read; copied to `journal.damaged` and cut off"
        );
        // Best effort: a full disk must not keep the agent from starting.
        std::fs::copy(path, self.folder.join("journal.damaged")).ok();
        self.file.set_len(self.end)?;
        self.file.sync_data()
    }

    fn place(&mut self, record: &Record, length: u64) {
        let attempt = record.attempt();
        let before = match record {
            Record::Kept(_) => self.live.insert(attempt, (self.end, length)),
            Record::Gone(_) => self.live.remove(&attempt),
        };
        self.live_bytes = self.live_bytes.saturating_sub(before.map_or(0, |it| it.1));
        if matches!(record, Record::Kept(_)) {
            self.live_bytes += length;
        }
        self.end += length;
    }

    pub(super) fn has(&self, attempt: AttemptId) -> bool {
        self.live.contains_key(&attempt)
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.end
    }

    /// All of the records or none.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut lengths = Vec::with_capacity(records.len());
        for record in records {
            let start = buffer.len();
            frame::put(&mut buffer, &serde_json::to_vec(record)?)?;
            lengths.push((buffer.len() - start) as u64);
        }
        let written = self.file.write_all_at(&buffer, self.end);
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // What was written of it must not be taken for a record at the next start.
            self.file.set_len(self.end).ok();
            return Err(error);
        }
        for (record, length) in records.iter().zip(lengths) {
            self.place(record, length);
        }
        if self.end > SMALL && self.end / 3 > self.live_bytes {
            // The journal is whole without it: tried again after the next records.
            if let Err(error) = self.compact() {
                tracing::warn!(%error, "the spool's journal cannot be rewritten; it stays long");
            }
        }
        Ok(())
    }

    /// Copies the newest record of each attempt into a file of its own and puts that in place.
    fn compact(&mut self) -> io::Result<()> {
        let draft = self.folder.join("journal.new");
        let file = private(OpenOptions::new().read(true).write(true).create(true))
            .truncate(true)
            .open(&draft)?;
        let mut order: Vec<(AttemptId, u64, u64)> =
            self.live.iter().map(|(id, it)| (*id, it.0, it.1)).collect();
        order.sort_unstable_by_key(|(_, at, _)| *at);
        let mut out = BufWriter::new(&file);
        let mut live = BTreeMap::new();
        let mut end = 0;
        for (attempt, at, length) in order {
            self.file.seek(SeekFrom::Start(at))?;
            let mut record = (&mut self.file).take(length);
            end += io::copy(&mut record, &mut out)?;
            live.insert(attempt, (end - length, length));
        }
        out.flush()?;
        drop(out);
        file.sync_all()?;
        std::fs::rename(&draft, self.folder.join("journal"))?;
        File::open(&self.folder)?.sync_all()?;
        (self.file, self.live, self.live_bytes, self.end) = (file, live, end, end);
        Ok(())
    }
}

/// For its owner only: it says who runs what under which account.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}
