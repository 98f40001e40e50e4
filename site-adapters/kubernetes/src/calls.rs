//! One file per kind of object that is asked for: the request and what is read of its answer.

pub(crate) mod access;
pub(crate) mod events;
pub(crate) mod jobs;
pub(crate) mod kueue;
pub(crate) mod nodes;
pub(crate) mod pages;
pub(crate) mod pods;
pub(crate) mod quotas;
pub(crate) mod services;

/// How the words of a wait end that no time ends.
pub(crate) const NEVER: &str = "it can never start";
