//! The adapter on real clusters: Slurm 22.05, 24.11 and 26.05, one of each for all tests here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "real/cluster.rs"]
mod cluster;
#[path = "real/conformance.rs"]
mod conformance;
#[path = "real/jobs.rs"]
mod jobs;
#[path = "real/nobody.rs"]
mod nobody;
#[path = "real/proxy.rs"]
mod proxy;
#[path = "real/rows.rs"]
mod rows;
#[path = "real/versions.rs"]
mod versions;
