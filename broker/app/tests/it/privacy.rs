//! What is kept of a person: told, erased, held, and let go when its time is over.

mod case;
mod erasure;
mod export;
mod ledger;
mod retention;
