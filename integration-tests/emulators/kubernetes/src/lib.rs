//! An API server, a job controller, a scheduler, a kubelet and a little of Kueue in one process, that
//! answer as Kubernetes 1.36 with Kueue 0.20 did when it was recorded, and that really run what pods say, as local
//! processes.
//!
//! It is for tests of what submits Jobs: what a client cannot see of a cluster is left out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test's cluster fails by panicking, and has a clock of its own as a real one has"
)]

mod admission;
mod api;
mod cluster;
mod deletion;
mod faults;
mod jobs;
mod kubelet;
mod kueue;
mod logs;
mod scheduler;
mod server;
mod status;
mod store;
mod tls;
mod validation;

pub use cluster::{Cluster, Credential, NAMESPACE, TOKEN};
pub use faults::Fault;
