use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::audit::Audit;
use super::error::{Fault, VerifyError};
use super::lines::canonical;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::VerifierKey;

/// An entry is a few hundred bytes; a line above this is no line of ours.
const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// What a verified export holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub origin: String,
    pub from: u64,
    pub size: u64,
    pub entries: u64,
    pub checkpoints: u64,
    pub inclusions: u64,
    pub root: Hash,
    /// The last signed note. Kept, it shows at the next audit whether anything was taken back.
    pub checkpoint: String,
    /// Entries by their `kind`; those without one count as `(none)`.
    pub kinds: BTreeMap<String, u64>,
}

/// Verifies an export against keys that the auditor has from a source other than the file.
pub fn verify(reader: impl BufRead, trusted: &[VerifierKey]) -> Result<Verified, VerifyError> {
    verify_with(reader, trusted, None)
}

/// Verifies an export, and that it continues a checkpoint the auditor has kept.
///
/// Without `known`, a file whose tail was cut back to an earlier checkpoint is a true export of an
/// earlier day, and nothing in it can tell.
pub fn verify_with(
    reader: impl BufRead,
    trusted: &[VerifierKey],
    known: Option<&Checkpoint>,
) -> Result<Verified, VerifyError> {
    let mut lines = Lines::new(reader);
    let result = verify_lines(&mut lines, trusted, known);
    result.map_err(|fault| VerifyError {
        line: lines.count.max(1),
        fault,
    })
}

fn verify_lines<R: BufRead>(
    lines: &mut Lines<R>,
    trusted: &[VerifierKey],
    known: Option<&Checkpoint>,
) -> Result<Verified, Fault> {
    if trusted.is_empty() {
        return Err(Fault::NoTrustedKey);
    }
    let line = lines.next()?.ok_or(Fault::Truncated { next: 0, size: 0 })?;
    let mut audit = Audit::open(canonical(&line)?, trusted, known)?;
    loop {
        let before = (lines.count, lines.digest.clone());
        let line = lines.next()?.ok_or_else(|| audit.truncated())?;
        if line.starts_with("{\"end\":") {
            audit.end(&canonical(&line)?, before)?;
            break;
        }
        audit.line(&line)?;
    }
    if lines.next()?.is_some() {
        return Err(Fault::AfterEnd);
    }
    audit.into_verified()
}

struct Lines<R> {
    reader: R,
    /// Lines read so far.
    count: u64,
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            count: 0,
            digest: Sha256::new(),
        }
    }

    /// The next line without its newline.
    fn next(&mut self) -> Result<Option<String>, Fault> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_LINE_BYTES);
        limited
            .read_until(b'\n', &mut line)
            .map_err(Fault::Unreadable)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.count += 1;
        self.digest.update(&line);
        if line.pop() != Some(b'\n') {
            let limit = MAX_LINE_BYTES;
            let cut = limited.limit() == 0;
            return Err(if cut {
                Fault::LineTooLong { limit }
            } else {
                Fault::LineCut
            });
        }
        String::from_utf8(line)
            .map(Some)
            .map_err(|error| Fault::Form(error.utf8_error().to_string()))
    }
}
