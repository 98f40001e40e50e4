//! The adapter against an emulated cluster that answers as a recorded one did and runs what it is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its support too"
)]

#[path = "emulated/chores.rs"]
mod chores;
#[path = "emulated/conformance.rs"]
mod conformance;
#[path = "emulated/kueue.rs"]
mod kueue;
#[path = "emulated/outages.rs"]
mod outages;
#[path = "emulated/rig.rs"]
mod rig;
#[path = "emulated/snapshot.rs"]
mod snapshot;
#[path = "emulated/submit.rs"]
mod submit;
#[path = "emulated/tasks.rs"]
mod tasks;
#[path = "emulated/tls.rs"]
mod tls;
