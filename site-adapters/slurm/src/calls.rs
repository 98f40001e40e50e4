//! One file per REST call: the request beside the parser of its answer.

pub(crate) mod accounting;
pub(crate) mod cancel;
pub(crate) mod diag;
pub(crate) mod job;
pub(crate) mod nodes;
pub(crate) mod partitions;
pub(crate) mod ping;
pub(crate) mod states;
pub(crate) mod submit;

#[cfg(test)]
pub(crate) mod tests;
