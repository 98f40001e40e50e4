//! The ledger in one file, for a funding body that verifies it on a machine of its own.
//!
//! `alcyone-ledger-export/1` is UTF-8, one JSON object on each line, each line ending in a newline:
//!
//! 1. `{"format":…,"origin":…,"keys":[…],"from":…,"size":…,"frontier":[…]}`, once. `frontier` has the
//!    roots of the complete subtrees of the first `from` entries, none when `from` is 0.
//! 2. `{"seq":…,"entry":"…"}` for `from..size`, the entry as the text that was hashed.
//! 3. `{"checkpoint":"…","consistency":[…]}` right after the last entry it covers: the signed note, and
//!    the proof from the checkpoint before it in the file (empty for the first). The last one covers
//!    all entries.
//! 4. `{"inclusion":…,"leaf":…,"proof":[…]}`, any number, against the last checkpoint.
//! 5. `{"end":…,"sha256":…}`, once: the number of lines before and the SHA-256 of their bytes.
//!
//! What makes a forgery fail are the signed roots; the last line only tells an accident of the disk or
//! the network from one. A line must be exactly what serializing its content gives, so that no byte
//! of the file is without a meaning. Verifying keeps one line and at most 64 hashes in memory.

mod audit;
mod error;
mod lines;
mod verify;
mod write;

pub use error::{Fault, VerifyError};
pub use lines::{FORMAT, Header};
pub use verify::{Verified, verify, verify_with};
pub use write::{WriteError, Writer};

#[cfg(test)]
mod tests;
