//! The site agent: takes attempts from the broker, runs them through one [`SiteAdapter`], and tells
//! the broker what became of them.
//!
//! **The agent remembers nothing** but who it is ([`Identity`]). What it works on is in memory only; after a restart it asks the
//! broker for everything open and the scheduler for every marker. Two rules make that safe:
//!
//! 1. `Submitting` is stored by the broker before the scheduler hears of an attempt. So an attempt
//!    that the broker never saw `Submitting` was never sent, and every other one is looked up first.
//! 2. After an answer that proves nothing (a timeout, a broken connection) only the scheduler knows:
//!    the agent asks for the marker until it gets an answer, and sends again only after a proof of
//!    absence.
//!
//! [`Agent::run`] is a handful of loops over one small state: lease (a long poll), calls (submit,
//! find, cancel), poll (one bulk query a tick), collect (logs and usage), snapshot and report. Each
//! loop's single step is public, so that tests drive an agent without time. An idle agent holds one
//! long poll and sends a snapshot now and then.
//!
//! [`SiteAdapter`]: site_adapter::SiteAdapter

mod accounts;
mod agent;
mod attempt;
mod backoff;
mod config;
mod exchange;
mod http_link;
mod identity;
mod metrics;
mod problems;
mod proxy;
mod rotation;
pub mod settings;
mod state;
mod status;

pub use accounts::{AccountError, AccountMap, AccountRule, AccountTable, ProjectPattern};
pub use agent::Agent;
pub use config::AgentConfig;
pub use http_link::{HttpLink, HttpLinkConfig, HttpLinkError, enrol};
pub use identity::{Identity, IdentityError};
pub use metrics::Metrics;
pub use proxy::ProxyConfig;
pub use rotation::keep_key_fresh;
pub use status::serve_status;
