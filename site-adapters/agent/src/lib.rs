//! The site agent: takes attempts from the broker, runs them through one [`SiteAdapter`], and tells
//! the broker what became of them.
//!
//! **The agent decides nothing by memory** but who it is ([`Identity`]). After a restart it asks the
//! broker for everything open and the scheduler for every marker. What it has seen of jobs and not told
//! yet is in its [`Spool`], since the scheduler may have forgotten it by then: a spooled attempt is watched
//! at once, and told and stopped when the broker has given it out anew. Two rules make that safe:
//!
//! 1. `Submitting` is stored by the broker before the scheduler hears of an attempt. So an attempt
//!    that the broker never saw `Submitting` was never sent, and every other one is looked up first.
//! 2. After an answer that proves nothing (a timeout, a broken connection) only the scheduler knows:
//!    the agent asks for the marker until it gets an answer, and sends again only after a proof of
//!    absence.
//!
//! [`Agent::run`] is a handful of loops over one small state: lease (a long poll), calls (submit,
//! find, cancel), poll (one bulk query a tick), collect (logs and usage), snapshot, spool and report. Each
//! loop's single step is public, so that tests drive an agent without time. An idle agent holds one
//! long poll and sends a snapshot now and then.
//!
//! [`SiteAdapter`]: site_adapter::SiteAdapter

mod accounts;
mod agent;
mod attempt;
mod backoff;
mod config;
mod drain;
mod durable;
mod exchange;
#[doc(hidden)]
pub mod fuzzing;
mod http_link;
mod identity;
pub mod log_writer;
mod metrics;
mod partitions;
pub mod passwd;
mod problems;
mod proxy;
mod pulse;
mod rotation;
pub mod settings;
mod spool;
mod state;
mod status;
mod steady;

pub use accounts::{
    AccountCommand, AccountError, AccountMap, AccountQuestion, AccountRule, AccountService,
    AccountServiceError, AccountTable, Cached, Guarded, LocalUsers, Mapping, OwnUserOnly,
    PersonPattern, ProjectPattern, SubjectPattern,
};
pub use agent::Agent;
pub use config::AgentConfig;
pub use drain::{Drain, DrainFile};
pub use http_link::{HttpLink, HttpLinkConfig, HttpLinkError, enrol};
pub use identity::{Identity, IdentityError};
pub use metrics::Metrics;
pub use partitions::Mismatch;
pub use proxy::ProxyConfig;
pub use rotation::keep_key_fresh;
pub use spool::{Restored, Spool};
pub use status::serve_status;
pub use steady::SteadyClock;
