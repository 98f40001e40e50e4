//! The use cases over a real database, with scripted agents that speak `lease` and `report`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails by panicking, too"
)]

mod after;
mod agent;
mod audit;
mod barred;
mod books;
mod cancels;
mod chaos;
mod checks;
mod confirmations;
mod contact;
mod counted;
mod entitlement;
mod failed_logins;
mod fault;
mod follow;
mod handoffs;
mod heard;
mod imports;
mod indicators;
mod leases;
mod leaving;
mod logged;
mod lost;
mod orphans;
mod privacy;
mod redecided;
mod refusals;
mod registry;
mod replays;
mod reports;
mod retired;
mod scopes;
mod setup;
mod shut;
mod sites;
mod slips;
mod submit;
mod terms;
mod unknown_accounts;
mod usage;
mod used;
mod world;
