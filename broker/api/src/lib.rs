//! The HTTP API: `/api/v1` for people and programs, `/agent/v1` for agents, and what operators probe.
//!
//! A handler extracts, calls one use case of `broker-app`, and converts; what a refusal looks like is
//! in [`problem`]. `openapi.json` beside this crate's manifest is the contract, served as it is; a test
//! compares it with the routes and with what they answer.

mod agent_v1;
mod auth;
mod body;
mod decision;
mod etag;
#[doc(hidden)]
pub mod fuzzing;
mod language;
mod metrics;
mod missing;
mod observe;
mod once;
mod operation;
mod probes;
mod problem;
mod request_id;
mod router;
mod sse;
mod state;
mod v1;
mod within;

pub use auth::{AuthFailure, Authenticate};
pub use metrics::Metrics;
pub use observe::observed;
pub use operation::operations;
pub use problem::{Problem, ProblemBody};
pub use router::router;
pub use state::{ApiState, LoginInfo};
pub use within::within;
