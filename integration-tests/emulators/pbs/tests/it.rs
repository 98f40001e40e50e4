//! The PBS adapter on the emulator: the contract's own suite, over both ways to the commands, and what
//! goes wrong with real servers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "it/conformance.rs"]
mod conformance;
#[path = "it/emulator.rs"]
mod emulator;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/jobs.rs"]
mod jobs;
#[path = "it/login_node.rs"]
mod login_node;
#[path = "it/new_server.rs"]
mod new_server;
#[path = "it/rig.rs"]
mod rig;
#[path = "it/ssh.rs"]
mod ssh;
#[path = "it/sshd.rs"]
mod sshd;
