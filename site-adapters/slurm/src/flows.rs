//! What the adapter does with the calls: one file per operation of the contract.

mod cancel;
mod dependency;
mod find;
pub(crate) mod in_time;
pub(crate) mod judge;
mod poll;
mod probe;
mod questions;
pub(crate) mod queue;
pub(crate) mod snapshot;
mod submit;
mod together;
mod waiting;
