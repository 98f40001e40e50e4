use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use broker_model::AttemptId;
use serde::{Deserialize, Serialize};

use super::frame::{self, HEADER, Next};
use crate::attempt::Kept;
use crate::durable;

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
    /// Some of it could not be read: nothing is added to it before it is set aside.
    is_damaged: bool,
    /// The folder may not name this file yet after a crash.
    is_renamed: bool,
}

/// A file that is to take the journal's place.
struct Draft {
    file: File,
    live: BTreeMap<AttemptId, (u64, u64)>,
    end: u64,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Kept>)> {
        let path = folder.join("journal");
        let file = private(OpenOptions::new().read(true).write(true).create(true)).open(&path)?;
        let length = file.metadata()?.len();
        durable::sync_folder(folder)?;
        let mut journal = Self {
            folder: folder.to_owned(),
            file,
            end: 0,
            live: BTreeMap::new(),
            live_bytes: 0,
            is_damaged: false,
            is_renamed: false,
        };
        let kept = journal.replay(length)?;
        // A full disk must not keep the agent from starting: the next write tries it again.
        if let Err(error) = journal.mend() {
            tracing::error!(%error, "the damaged journal of the spool cannot be set aside yet");
        }
        Ok((journal, kept.into_values().collect()))
    }

    /// Reads every record that can be read, also behind those that cannot.
    fn replay(&mut self, length: u64) -> io::Result<BTreeMap<AttemptId, Kept>> {
        let mut kept = BTreeMap::new();
        let mut reader = BufReader::new(self.file.try_clone()?);
        while self.end < length {
            let Next::Frame(payload) = frame::next(&mut reader)? else {
                self.is_damaged = true;
                let Some(found) = self.next_whole(length)? else {
                    break;
                };
                self.end = found;
                reader.seek(SeekFrom::Start(found))?;
                continue;
            };
            let length = HEADER + payload.len() as u64;
            let Ok(record) = serde_json::from_slice::<Record>(&payload) else {
                // Written by a later version: this one cannot know what it means.
                self.is_damaged = true;
                self.end += length;
                continue;
            };
            self.place(&record, length);
            match record {
                Record::Kept(state) => drop(kept.insert(state.attempt, *state)),
                Record::Gone(attempt) => drop(kept.remove(&attempt)),
            }
        }
        Ok(kept)
    }

    /// Where the next whole record begins behind one that is not.
    fn next_whole(&self, length: u64) -> io::Result<Option<u64>> {
        let from = self.end + 1;
        let mut reader = self.file.try_clone()?;
        reader.seek(SeekFrom::Start(from))?;
        let mut rest = Vec::new();
        reader.take(length - from).read_to_end(&mut rest)?;
        let found = frame::find(&rest)?;
        Ok(found.map(|at| from + at as u64))
    }

    /// Makes sure that what is added now is found again.
    fn mend(&mut self) -> io::Result<()> {
        if self.is_damaged {
            self.set_aside()?;
        }
        if self.is_renamed {
            durable::sync_folder(&self.folder)?;
            self.is_renamed = false;
        }
        Ok(())
    }

    /// Keeps a damaged file as it is under a name of its own, and puts one of what could be read in its
    /// place. The last record of a crash was acknowledged to nobody; anything more is worth a look.
    fn set_aside(&mut self) -> io::Result<()> {
        let draft = self.draft()?;
        let (path, aside) = (self.folder.join("journal"), self.free_name());
        // Not every file system has links.
        std::fs::hard_link(&path, &aside).or_else(|_| std::fs::copy(&path, &aside).map(drop))?;
        tracing::warn!(
            path = %aside.display(),
            "some of the spool's journal could not be read; it is kept there as it was"
        );
        self.take(draft)?;
        self.is_damaged = false;
        Ok(())
    }

    fn free_name(&self) -> PathBuf {
        let mut number = 0_u32;
        loop {
            let suffix = if number == 0 {
                String::new()
            } else {
                format!(".{number}")
            };
            let name = self.folder.join(format!("journal.damaged{suffix}"));
            if !name.exists() {
                return name;
            }
            number += 1;
        }
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
        self.mend()?;
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

    fn compact(&mut self) -> io::Result<()> {
        let draft = self.draft()?;
        self.take(draft)?;
        self.mend()
    }

    /// A rewrite whose folder cannot be synced.
    #[cfg(test)]
    pub(super) fn rewrite_then_fail(&mut self) -> io::Result<()> {
        let draft = self.draft()?;
        self.take(draft)
    }

    /// Copies the newest record of each attempt into a file of its own.
    fn draft(&mut self) -> io::Result<Draft> {
        let file = private(OpenOptions::new().read(true).write(true).create(true))
            .truncate(true)
            .open(self.folder.join("journal.new"))?;
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
        Ok(Draft { file, live, end })
    }

    /// Puts a draft in the journal's place. From then on nothing goes to the old file, which has no name
    /// any more, even if the disk fails next.
    fn take(&mut self, draft: Draft) -> io::Result<()> {
        std::fs::rename(self.folder.join("journal.new"), self.folder.join("journal"))?;
        let Draft { file, live, end } = draft;
        (self.file, self.live, self.live_bytes, self.end) = (file, live, end, end);
        self.is_renamed = true;
        Ok(())
    }
}

/// For its owner only: it says who runs what under which account.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}
