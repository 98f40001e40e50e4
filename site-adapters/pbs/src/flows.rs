//! What the adapter does with the commands: one file per operation of the contract.

mod array;
mod cancel;
mod find;
mod own_array;
mod poll;
mod probe;
mod questions;
mod records;
mod snapshot;
mod submit;
mod traces;
mod usage;
