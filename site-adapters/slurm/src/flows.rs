//! What the adapter does with the calls: one file per operation of the contract.

mod cancel;
mod dependency;
mod find;
mod judge;
mod poll;
mod probe;
mod questions;
mod snapshot;
mod submit;
mod waiting;
