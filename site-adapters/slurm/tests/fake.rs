//! The adapter over a slurmrestd in memory that counts what it is asked.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "fake/asked.rs"]
mod asked;
#[path = "fake/cancel.rs"]
mod cancel;
#[path = "fake/dependency.rs"]
mod dependency;
#[path = "fake/job.rs"]
mod job;
#[path = "fake/poll.rs"]
mod poll;
#[path = "fake/search.rs"]
mod search;
#[path = "fake/server.rs"]
mod server;
#[path = "fake/snapshot.rs"]
mod snapshot;
#[path = "fake/submit.rs"]
mod submit;
#[path = "fake/together.rs"]
mod together;
