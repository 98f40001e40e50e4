//! A Merkle tree over ledger entries, signed checkpoints of it, proofs, and an export that an auditor
//! verifies without the operator.
//!
//! Hashing as in RFC 6962 section 2.1 (the same in RFC 9162), tiles as in C2SP `tlog-tiles`,
//! checkpoints as in C2SP `tlog-checkpoint` and `signed-note`, so that tools which know those formats
//! can read ours. No I/O: tiles come in through [`TileSource`], an export through `Read` and `Write`.

mod checkpoint;
pub mod export;
mod frontier;
mod grow;
mod hash;
mod key;
mod note;
mod proof;
mod tile;
mod verify;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use frontier::Frontier;
pub use grow::{Grown, PartialTiles, grow};
pub use hash::{Hash, InvalidHash, empty_root, leaf_hash, node_hash};
pub use key::{KeyError, Signer, VerifierKey};
pub use note::{NoteError, NoteSignature};
pub use proof::{consistency, inclusion, tiles_needed_for_consistency, tiles_needed_for_inclusion};
pub use tile::{TILE_WIDTH, TileHashes, TileSource, TreeError, partial_tiles_of, root_at};
pub use verify::{ProofError, verify_consistency, verify_inclusion};

#[cfg(test)]
mod tests;
