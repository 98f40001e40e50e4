//! Flows through the built programs, with nothing in them replaced. One binary, so that PostgreSQL is
//! started once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its support too"
)]

mod access;
mod agents;
mod crash;
mod demo;
mod example;
mod faults;
mod federation;
mod operations;
mod readme;
mod refusals;
mod shutdown;
mod slurm;
mod tls;
mod workspace;
