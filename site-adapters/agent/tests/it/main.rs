//! The agent against a broker that checks the protocol, and against sites that fail in every way.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and so does the broker it is played against"
)]

mod binary;
mod broker;
mod clocks;
mod crash;
mod drain;
mod footprint;
mod found;
mod fuse;
mod http;
mod killed;
mod mapping;
mod own_user;
mod partitions;
mod process;
mod proxy;
mod reports;
mod scheduler;
mod site;
mod spool;
mod stage;
mod status;
mod storm;
mod twins;
mod waiting;
