//! The API over a whole broker: real tokens, real policy, real database, no network but the issuer's.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access_modes;
mod agents;
mod ask;
mod bad_input;
mod bad_luck;
mod contact;
mod contract;
mod enrolment;
mod entitlement;
mod every_operation;
mod follow_ups;
mod fuzz;
mod idempotency;
mod impostors;
mod indicators;
mod invites;
mod jobs;
mod ledger;
mod lists;
mod log_hygiene;
mod members;
mod operations;
mod people;
mod persons;
mod privacy;
mod registry;
mod routes;
mod site;
mod streams;
mod terms;
mod unknown_accounts;
mod world;
