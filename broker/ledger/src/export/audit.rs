use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::Fault;
use super::lines::{CheckpointLine, EndLine, EntryLine, FORMAT, Header, InclusionLine, canonical};
use super::verify::Verified;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::frontier::Frontier;
use crate::hash::{Hash, empty_root, leaf_hash};
use crate::key::VerifierKey;
use crate::note::NoteError;
use crate::verify::{verify_consistency, verify_inclusion};

/// Names of kinds that are counted one by one; the rest of a file that has more is summed.
const MAX_KINDS: usize = 256;

/// What has been read of an export so far, all of it accepted.
pub(super) struct Audit<'a> {
    header: Header,
    trusted: &'a [VerifierKey],
    known: Option<&'a Checkpoint>,
    frontier: Frontier,
    last: Option<(Checkpoint, String)>,
    entries: u64,
    checkpoints: u64,
    inclusions: u64,
    kinds: BTreeMap<String, u64>,
}

impl<'a> Audit<'a> {
    pub(super) fn open(
        header: Header,
        trusted: &'a [VerifierKey],
        known: Option<&'a Checkpoint>,
    ) -> Result<Self, Fault> {
        if header.format != FORMAT {
            return Err(Fault::Format(header.format));
        }
        let frontier = Frontier::from_peaks(header.from, header.frontier.clone())
            .filter(|_| header.from <= header.size)
            .ok_or(Fault::HeaderNumbers {
                from: header.from,
                size: header.size,
                peaks: header.frontier.len(),
            })?;
        check_reach(&header, known)?;
        let audit = Self {
            header,
            trusted,
            known,
            frontier,
            last: None,
            entries: 0,
            checkpoints: 0,
            inclusions: 0,
            kinds: BTreeMap::new(),
        };
        audit.compare_with_known()?;
        Ok(audit)
    }

    pub(super) fn line(&mut self, line: &str) -> Result<(), Fault> {
        if line.starts_with("{\"seq\":") {
            return self.entry(&canonical(line)?);
        }
        if line.starts_with("{\"checkpoint\":") {
            return self.checkpoint(canonical(line)?);
        }
        if line.starts_with("{\"inclusion\":") {
            return self.inclusion(&canonical(line)?);
        }
        let start: String = line.chars().take(40).collect();
        Err(Fault::Form(format!("it begins with `{start}`")))
    }

    fn entry(&mut self, line: &EntryLine<'_>) -> Result<(), Fault> {
        let expected = self.frontier.size();
        if line.seq != expected {
            return Err(Fault::Gap {
                expected,
                found: line.seq,
            });
        }
        if expected >= self.header.size {
            return Err(Fault::BeyondSize {
                seq: expected,
                size: self.header.size,
            });
        }
        self.frontier.push(leaf_hash(line.entry.as_bytes()));
        self.entries += 1;
        self.count_kind(&line.entry);
        self.compare_with_known()
    }

    fn count_kind(&mut self, entry: &str) {
        #[derive(Deserialize)]
        struct Kinded {
            kind: String,
        }
        let kind = serde_json::from_str::<Kinded>(entry)
            .map_or_else(|_| "(none)".to_owned(), |kinded| kinded.kind);
        let full = self.kinds.len() >= MAX_KINDS && !self.kinds.contains_key(&kind);
        let kind = if full { "(other)".to_owned() } else { kind };
        *self.kinds.entry(kind).or_insert(0) += 1;
    }

    fn checkpoint(&mut self, line: CheckpointLine<'_>) -> Result<(), Fault> {
        let signed = Checkpoint::parse(&line.checkpoint).map_err(Fault::Checkpoint)?;
        let checkpoint = &signed.checkpoint;
        self.check_place(checkpoint)?;
        self.check_root(checkpoint)?;
        self.check_consistency(checkpoint, &line.consistency)?;
        self.check_signatures(&signed).map_err(Fault::Checkpoint)?;
        let checkpoint = signed.checkpoint;
        self.last = Some((checkpoint, line.checkpoint.into_owned()));
        self.checkpoints += 1;
        Ok(())
    }

    /// Keys that only the file names are not believed, but a signature said to be theirs must be.
    fn check_signatures(&self, signed: &SignedCheckpoint) -> Result<(), NoteError> {
        signed.verify(self.trusted)?;
        let named = self.header.keys.iter();
        let others: Vec<_> = named
            .filter(|key| !self.trusted.contains(key))
            .cloned()
            .collect();
        signed.check_claims(&others)
    }

    fn check_place(&self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        if checkpoint.origin != self.header.origin {
            return Err(Fault::OtherOrigin {
                expected: self.header.origin.clone(),
                found: checkpoint.origin.clone(),
            });
        }
        let covers = checkpoint.size;
        let read = self.frontier.size();
        let repeated = self
            .last
            .as_ref()
            .is_some_and(|(last, _)| last.size == covers);
        if covers != read || repeated {
            return Err(Fault::CheckpointOutOfPlace { covers, read });
        }
        Ok(())
    }

    fn check_root(&self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let computed = self.frontier.root();
        if computed == checkpoint.root {
            return Ok(());
        }
        let first = self
            .last
            .as_ref()
            .map_or(self.header.from, |(last, _)| last.size);
        Err(Fault::RootMismatch {
            first,
            size: checkpoint.size,
            claimed: checkpoint.root,
            computed,
        })
    }

    fn check_consistency(&self, new: &Checkpoint, proof: &[Hash]) -> Result<(), Fault> {
        // The first checkpoint has none before it in the file: as if from the empty tree.
        let (old, old_root) = self
            .last
            .as_ref()
            .map_or_else(|| (0, empty_root()), |(last, _)| (last.size, last.root));
        verify_consistency(old, &old_root, new.size, &new.root, proof).map_err(Fault::Consistency)
    }

    fn inclusion(&mut self, line: &InclusionLine) -> Result<(), Fault> {
        let (last, _) = self.last.as_ref().ok_or(Fault::OutOfPlace)?;
        if last.size != self.header.size {
            return Err(Fault::OutOfPlace);
        }
        let seq = line.inclusion;
        verify_inclusion(&line.leaf, seq, last.size, &line.proof, &last.root)
            .map_err(|reason| Fault::Inclusion { seq, reason })?;
        self.inclusions += 1;
        Ok(())
    }

    fn compare_with_known(&self) -> Result<(), Fault> {
        let size = self.frontier.size();
        let Some(known) = self.known.filter(|known| known.size == size) else {
            return Ok(());
        };
        let computed = self.frontier.root();
        if computed == known.root {
            return Ok(());
        }
        Err(Fault::Forked {
            size,
            known: known.root,
            computed,
        })
    }

    pub(super) fn end(&self, line: &EndLine, before: (u64, Sha256)) -> Result<(), Fault> {
        let (read, digest) = before;
        self.last
            .as_ref()
            .filter(|(last, _)| last.size == self.header.size)
            .ok_or_else(|| self.truncated())?;
        if line.end != read {
            return Err(Fault::LineCount {
                counted: line.end,
                read,
            });
        }
        let computed = Hash(digest.finalize().into());
        if line.sha256 != computed {
            return Err(Fault::Digest {
                written: line.sha256,
                computed,
            });
        }
        Ok(())
    }

    pub(super) fn truncated(&self) -> Fault {
        Fault::Truncated {
            next: self.frontier.size(),
            size: self.header.size,
        }
    }

    pub(super) fn into_verified(self) -> Result<Verified, Fault> {
        let truncated = self.truncated();
        let (last, checkpoint) = self.last.ok_or(truncated)?;
        Ok(Verified {
            origin: self.header.origin,
            from: self.header.from,
            size: last.size,
            entries: self.entries,
            checkpoints: self.checkpoints,
            inclusions: self.inclusions,
            root: last.root,
            checkpoint,
            kinds: self.kinds,
        })
    }
}

/// Whether the checkpoint that the auditor knows lies within the export at all.
fn check_reach(header: &Header, known: Option<&Checkpoint>) -> Result<(), Fault> {
    let Some(known) = known else { return Ok(()) };
    if known.origin != header.origin {
        return Err(Fault::OtherOrigin {
            expected: known.origin.clone(),
            found: header.origin.clone(),
        });
    }
    if known.size > header.size {
        return Err(Fault::TailRemoved {
            size: header.size,
            known: known.size,
        });
    }
    if known.size < header.from {
        return Err(Fault::BeginsAfterKnown {
            from: header.from,
            known: known.size,
        });
    }
    Ok(())
}
