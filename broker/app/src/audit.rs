//! What funding bodies and members of a project read: usage, and the ledger with its proofs.

mod export;
mod ledger;
mod usage;

pub use ledger::{ConsistencyProof, EntryPage, InclusionProof};
pub use usage::{UsagePage, UsageTotal, totals};
