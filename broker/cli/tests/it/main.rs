//! Every verb against a whole broker that is served on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accounts;
mod audit;
mod closed;
mod contact;
mod entitlement;
mod entitlement_input;
mod files;
mod follow_ups;
mod french;
mod funder;
mod link;
mod login;
mod me;
mod members;
mod modes;
mod program;
mod routes;
mod site;
mod site_agents;
mod site_people;
mod stage;
mod terms;
mod verbs;
#[expect(dead_code, reason = "the tests of the API use more of it")]
#[path = "../../../api/tests/it/world.rs"]
mod world;
