//! The use cases over a real database, with scripted agents that speak `lease` and `report`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what tests share fails by panicking, too"
)]

mod agent;
mod audit;
mod books;
mod cancels;
mod chaos;
mod fault;
mod follow;
mod leases;
mod lost;
mod refusals;
mod reports;
mod setup;
mod submit;
mod usage;
mod world;
