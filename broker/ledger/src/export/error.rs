use std::io;

use crate::hash::Hash;
use crate::note::NoteError;
use crate::verify::ProofError;

/// Why an export is not accepted, and where.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}: {}", fault.meaning())]
pub struct VerifyError {
    /// Counted from 1, as editors do.
    pub line: u64,
    pub fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the file cannot be read ({0})")]
    Unreadable(io::Error),
    #[error("no trusted key was given")]
    NoTrustedKey,
    #[error("the line is longer than {limit} bytes")]
    LineTooLong { limit: u64 },
    #[error("the line does not end in a newline")]
    LineCut,
    #[error("the line is not one of the format ({0})")]
    Form(String),
    #[error("the line does not have the exact bytes that its content gives")]
    NotCanonical,
    #[error("the line stands in a place where such a line cannot stand")]
    OutOfPlace,
    #[error("the format is `{0}`")]
    Format(String),
    #[error("`from` is {from}, `size` is {size} and there are {peaks} hashes in `frontier`")]
    HeaderNumbers { from: u64, size: u64, peaks: usize },
    #[error("entry {found} stands where entry {expected} belongs")]
    Gap { expected: u64, found: u64 },
    #[error("entry {seq} stands behind the {size} entries of the header")]
    BeyondSize { seq: u64, size: u64 },
    #[error("the checkpoint cannot be accepted ({0})")]
    Checkpoint(NoteError),
    #[error("the checkpoint is of `{found}` and the file of `{expected}`")]
    OtherOrigin { expected: String, found: String },
    #[error("the checkpoint covers {covers} entries and stands after {read}")]
    CheckpointOutOfPlace { covers: u64, read: u64 },
    #[error(
        "entries {first} to {last} give the root {computed}, and the checkpoint says {claimed}",
        last = size.saturating_sub(1)
    )]
    RootMismatch {
        /// The first entry that no accepted checkpoint covers.
        first: u64,
        size: u64,
        claimed: Hash,
        computed: Hash,
    },
    #[error("the consistency proof does not hold ({0})")]
    Consistency(ProofError),
    #[error("the inclusion proof of entry {seq} does not hold ({reason})")]
    Inclusion { seq: u64, reason: ProofError },
    #[error("the file ends before entry {next} of {size}, or before its last checkpoint or line")]
    Truncated { next: u64, size: u64 },
    #[error("the last line counts {counted} lines and there are {read}")]
    LineCount { counted: u64, read: u64 },
    #[error("the bytes before the last line have the SHA-256 {computed}, and it says {written}")]
    Digest { written: Hash, computed: Hash },
    #[error("something follows the last line")]
    AfterEnd,
    #[error("the export has {size} entries and you know a checkpoint over {known}")]
    TailRemoved { size: u64, known: u64 },
    #[error("the export begins at entry {from}, after your checkpoint over {known}")]
    BeginsAfterKnown { from: u64, known: u64 },
    #[error("at {size} entries the export has the root {computed}, and your checkpoint {known}")]
    Forked {
        size: u64,
        known: Hash,
        computed: Hash,
    },
}

impl Fault {
    /// What it means for the auditor, in words.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "nothing can be said about the ledger; try the copy again",
            Self::NoTrustedKey => {
                "without a key from a source of your own, anybody could have made this file"
            }
            Self::LineTooLong { .. } | Self::LineCut | Self::Form(_) | Self::NotCanonical => {
                "the file was damaged or edited after it was exported"
            }
            Self::OutOfPlace | Self::AfterEnd => {
                "lines were added, repeated or moved after the export"
            }
            Self::Format(_) => "this program reads `alcyone-ledger-export/1` only",
            Self::HeaderNumbers { .. } => {
                "the header was edited; its numbers contradict each other"
            }
            Self::Gap { .. } => "entries were removed, repeated or reordered",
            Self::BeyondSize { .. } => "entries were added that no checkpoint covers",
            Self::Checkpoint(_) => {
                "the operator's signature is missing, changed, or by a key you do not trust"
            }
            Self::OtherOrigin { .. } => "the checkpoint belongs to another ledger",
            Self::CheckpointOutOfPlace { .. } => {
                "entries or checkpoints were removed, repeated or reordered"
            }
            Self::RootMismatch { .. } => {
                "at least one of these entries, or the checkpoint, is not what the operator signed"
            }
            Self::Consistency(_) => "the later checkpoint does not continue the earlier one",
            Self::Inclusion { .. } => "the entry is not in the ledger as this proof claims",
            Self::Truncated { .. } => "the end of the export is missing",
            Self::LineCount { .. } | Self::Digest { .. } => {
                "the file was damaged or edited after it was exported"
            }
            Self::TailRemoved { .. } => "entries that the operator once signed were left out",
            Self::BeginsAfterKnown { .. } => {
                "it cannot be compared with what you know; ask for an export from that entry or before"
            }
            Self::Forked { .. } => {
                "the operator signed two histories; keep both files, they are the evidence"
            }
        }
    }
}
