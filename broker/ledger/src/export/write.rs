use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::lines::{CheckpointLine, EndLine, EntryLine, Header, InclusionLine};
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::note::NoteError;

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the export cannot be written")]
    Io(#[from] io::Error),
    #[error("entry {found} was given where entry {expected} belongs")]
    EntryOutOfOrder { expected: u64, found: u64 },
    #[error(
        "a checkpoint over {found} entries was given after {written}; it belongs right after them"
    )]
    CheckpointOutOfPlace { written: u64, found: u64 },
    #[error("the checkpoint cannot be read")]
    Note(#[from] NoteError),
    #[error("the export ends after entry {written} of {size}, or without its last checkpoint")]
    Unfinished { written: u64, size: u64 },
}

/// Writes an export line by line, and refuses an order that no auditor would accept.
///
/// Over a `Vec<u8>` a server can drain [`Writer::out`] between pages.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    digest: Sha256,
    lines: u64,
    next: u64,
    size: u64,
    last_checkpoint: Option<u64>,
}

impl<W: Write> Writer<W> {
    pub fn start(out: W, header: &Header) -> Result<Self, WriteError> {
        let mut writer = Self {
            out,
            digest: Sha256::new(),
            lines: 0,
            next: header.from,
            size: header.size,
            last_checkpoint: None,
        };
        writer.line(header)?;
        Ok(writer)
    }

    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// The entry that belongs next.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn entry(&mut self, seq: u64, entry: &str) -> Result<(), WriteError> {
        if seq != self.next || seq >= self.size {
            return Err(WriteError::EntryOutOfOrder {
                expected: self.next,
                found: seq,
            });
        }
        self.line(&EntryLine {
            seq,
            entry: Cow::Borrowed(entry),
        })?;
        self.next += 1;
        Ok(())
    }

    /// Writes a signed note with the consistency proof from the checkpoint written before it.
    pub fn checkpoint(&mut self, note: &str, consistency: &[Hash]) -> Result<(), WriteError> {
        let found = Checkpoint::parse(note)?.checkpoint.size;
        if found != self.next || self.last_checkpoint == Some(found) {
            return Err(WriteError::CheckpointOutOfPlace {
                written: self.next,
                found,
            });
        }
        self.line(&CheckpointLine {
            checkpoint: Cow::Borrowed(note),
            consistency: consistency.to_vec(),
        })?;
        self.last_checkpoint = Some(found);
        Ok(())
    }

    /// Writes an inclusion proof against the last checkpoint, which must have been written.
    pub fn inclusion(&mut self, seq: u64, leaf: Hash, proof: &[Hash]) -> Result<(), WriteError> {
        self.complete()?;
        self.line(&InclusionLine {
            inclusion: seq,
            leaf,
            proof: proof.to_vec(),
        })
    }

    pub fn finish(mut self) -> Result<W, WriteError> {
        self.complete()?;
        let end = EndLine {
            end: self.lines,
            sha256: Hash(self.digest.clone().finalize().into()),
        };
        self.line(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn complete(&self) -> Result<(), WriteError> {
        if self.next == self.size && self.last_checkpoint == Some(self.size) {
            return Ok(());
        }
        Err(WriteError::Unfinished {
            written: self.next,
            size: self.size,
        })
    }

    fn line(&mut self, content: &impl Serialize) -> Result<(), WriteError> {
        let mut line = serde_json::to_vec(content).map_err(io::Error::from)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.lines += 1;
        Ok(self.out.write_all(&line)?)
    }
}
