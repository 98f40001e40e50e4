//! The adapter against an emulated cluster that answers as a recorded one did and runs what it is told.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its support too"
)]

#[path = "emulated/chores.rs"]
mod chores;
#[path = "emulated/conformance.rs"]
mod conformance;
#[path = "emulated/disrupted.rs"]
mod disrupted;
#[path = "emulated/held.rs"]
mod held;
#[path = "emulated/kueue.rs"]
mod kueue;
#[path = "emulated/logs.rs"]
mod logs;
#[path = "emulated/outages.rs"]
mod outages;
#[path = "emulated/rig.rs"]
mod rig;
#[path = "emulated/rights.rs"]
mod rights;
#[path = "emulated/snapshot.rs"]
mod snapshot;
#[path = "emulated/submit.rs"]
mod submit;
#[path = "emulated/tasks.rs"]
mod tasks;
#[path = "emulated/tls.rs"]
mod tls;
