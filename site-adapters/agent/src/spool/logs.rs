use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use broker_model::AttemptId;
use site_adapter::LogStream;

use super::KeptLog;
use super::frame::{self, HEADER, Next};
use super::journal::private;

type Key = (AttemptId, LogStream);

/// A file for each log: frames of an offset and the bytes that begin there, without gaps.
#[derive(Debug)]
pub(super) struct Logs {
    folder: PathBuf,
    files: BTreeMap<Key, Range>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    from: u64,
    to: u64,
    /// How long the file is.
    length: u64,
    /// Where the last read found its frame: reads go forward.
    last: (u64, u64),
}

/// The offset that every frame's payload begins with.
const OFFSET: usize = 8;

impl Logs {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut logs = Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            bytes: 0,
        };
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let key = entry.file_name().to_str().and_then(key_of);
            let range = key.and_then(|_| scan(&entry.path()).ok().flatten());
            match (key, range) {
                (Some(key), Some(range)) => logs.insert(key, range),
                _ => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(logs)
    }

    fn insert(&mut self, key: Key, range: Range) {
        self.bytes += range.length;
        if let Some(before) = self.files.insert(key, range) {
            self.bytes = self.bytes.saturating_sub(before.length);
        }
    }

    pub(super) fn keep_only(&mut self, wanted: impl Fn(AttemptId) -> bool) {
        let strange: Vec<Key> = self
            .files
            .keys()
            .filter(|key| !wanted(key.0))
            .copied()
            .collect();
        for key in strange {
            self.drop(key);
        }
    }

    pub(super) fn list(&self) -> Vec<KeptLog> {
        let kept = |(&(attempt, stream), range): (&Key, &Range)| KeptLog {
            attempt,
            stream,
            from: range.from,
            to: range.to,
        };
        self.files.iter().map(kept).collect()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn path(&self, key: Key) -> PathBuf {
        self.folder.join(format!("{}.{}", key.0, key.1.as_str()))
    }

    /// Bytes that do not go on where the file ends begin a new one.
    pub(super) fn append(&mut self, key: Key, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.files.get(&key).is_some_and(|it| it.to != offset) {
            self.drop(key);
        }
        let mut range = self.files.get(&key).copied().unwrap_or(Range {
            from: offset,
            to: offset,
            length: 0,
            last: (offset, 0),
        });
        let mut buffer = Vec::new();
        frame::put(&mut buffer, &[&offset.to_le_bytes(), bytes].concat())?;
        let mut options = OpenOptions::new();
        let file = private(options.write(true).create(true)).open(self.path(key))?;
        let written = file.write_all_at(&buffer, range.length);
        if let Err(error) = written.and_then(|()| file.sync_data()) {
            file.set_len(range.length).ok();
            return Err(error);
        }
        range.to = offset.saturating_add(bytes.len() as u64);
        range.length += buffer.len() as u64;
        self.insert(key, range);
        Ok(())
    }

    /// What is kept from an offset on, as far as one frame goes. The offset must be kept.
    pub(super) fn read(&mut self, key: Key, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let path = self.path(key);
        let gone = || io::Error::new(ErrorKind::NotFound, "not kept any more");
        let range = self.files.get_mut(&key);
        let range = range.filter(|it| it.from <= offset).ok_or_else(gone)?;
        let (seen, mut at) = range.last;
        if offset < seen {
            at = 0;
        }
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(at))?;
        loop {
            let Next::Frame(payload) = frame::next(&mut file)? else {
                return Err(io::Error::new(ErrorKind::InvalidData, "a damaged frame"));
            };
            let (from, bytes) = parts(&payload).ok_or_else(gone)?;
            let skip = usize::try_from(offset.saturating_sub(from)).unwrap_or(usize::MAX);
            if let Some(rest) = bytes.get(skip..).filter(|rest| !rest.is_empty()) {
                range.last = (from, at);
                return Ok(rest.iter().take(most).copied().collect());
            }
            at += HEADER + payload.len() as u64;
        }
    }

    pub(super) fn drop(&mut self, key: Key) {
        if let Some(range) = self.files.remove(&key) {
            self.bytes = self.bytes.saturating_sub(range.length);
            if let Err(error) = std::fs::remove_file(self.path(key)) {
                tracing::warn!(%error, attempt.id = %key.0, "a log in the spool cannot be removed");
            }
        }
    }

    pub(super) fn drop_taken(&mut self, key: Key, up_to: u64) {
        if self.files.get(&key).is_some_and(|it| it.to <= up_to) {
            self.drop(key);
        }
    }

    pub(super) fn forget(&mut self, attempt: AttemptId) {
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            self.drop((attempt, stream));
        }
    }

    pub(super) fn drop_longest(&mut self) -> Option<Key> {
        let longest = self.files.iter().max_by_key(|(_, range)| range.length);
        let key = longest.map(|(key, _)| *key)?;
        self.drop(key);
        Some(key)
    }
}

fn key_of(name: &str) -> Option<Key> {
    let (attempt, stream) = name.split_once('.')?;
    let stream = match stream {
        "stdout" => LogStream::Stdout,
        "stderr" => LogStream::Stderr,
        _ => return None,
    };
    Some((attempt.parse().ok()?, stream))
}

fn parts(payload: &[u8]) -> Option<(u64, &[u8])> {
    let (offset, bytes) = payload.split_first_chunk::<OFFSET>()?;
    Some((u64::from_le_bytes(*offset), bytes))
}

/// What of a file can be used; the rest of it is cut off.
fn scan(path: &Path) -> io::Result<Option<Range>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut reader = BufReader::new(&file);
    let mut range: Option<Range> = None;
    while let Next::Frame(payload) = frame::next(&mut reader)? {
        let Some((from, bytes)) = parts(&payload) else {
            break;
        };
        let known = range.get_or_insert(Range {
            from,
            to: from,
            length: 0,
            last: (from, 0),
        });
        let to = from.checked_add(bytes.len() as u64);
        let Some(to) = to.filter(|_| known.to == from) else {
            break;
        };
        known.to = to;
        known.length += HEADER + payload.len() as u64;
    }
    if let Some(range) = &range {
        file.set_len(range.length)?;
    }
    Ok(range)
}
