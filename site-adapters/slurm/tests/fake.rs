//! The adapter over a slurmrestd in memory that counts what it is asked.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "fake/poll.rs"]
mod poll;
#[path = "fake/search.rs"]
mod search;
#[path = "fake/server.rs"]
mod server;
#[path = "fake/submit.rs"]
mod submit;
