//! What the adapter does with the commands: one file per operation of the contract.

pub(crate) mod array;
mod cancel;
mod dependency;
mod find;
pub(crate) mod own_array;
mod poll;
mod probe;
mod questions;
pub(crate) mod records;
pub(crate) mod snapshot;
mod submit;
mod traces;
mod usage;

#[cfg(test)]
mod tests;
