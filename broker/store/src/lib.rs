//! What Alcyone remembers: repository traits by noun, and one SQL implementation of them over
//! SQLite and PostgreSQL ([`SqlStore`]).
//!
//! **All writing goes through [`Commits::commit`].** A caller reads, decides on what it read, and
//! hands in a [`Change`]: the rows as they shall be, what must still be true for that (the version it
//! read, hours left, a key not yet taken), and the ledger entries that belong to it. The store applies
//! the change and its entries in one transaction or not at all, and many waiting changes share one
//! transaction and one fsync (the group commit; `broker/decisions/0003-group-commit.md`). A change
//! whose precondition fails is answered alone; its neighbours commit.

mod change;
pub mod conformance;
mod error;
mod options;
mod privacy;
mod read;
mod records;
mod signatories;
mod sql;
#[cfg(feature = "test-postgres")]
pub mod testing;

pub use change::{Change, Committed, Write};
pub use error::{CommitError, Entity, StoreError};
pub use options::StoreOptions;
pub use privacy::{ERASED_ISSUER, LegalHold, LogChunkKey, Privacy, StoredErasure};
pub use read::{
    Accounts, Agents, Attempts, Commits, Dossiers, Identities, Jobs, Ledger, Sites, Store, Usage,
};
pub use records::{
    AccountUse, AgentNonce, EntryRow, IdempotencyKey, JobFilter, Page, Person, PolicyUse,
    Remembered, Revocation, SealedBatch, Session, StoredCheckpoint, StoredConfirmation,
    StoredDecision, StoredDossier, StoredGrant, StoredPlacement, SystemUsed, Tile, UsageFilter,
    UsageScope, Used,
};
pub use signatories::{Signatories, StoredSignatoryList};
pub use sql::{CommitStats, Nudge, SqlStore};
