//! What goes over the wire of `/api/v1`, and a typed client for it.
//!
//! The command line, the agent's tests and the integration tests use these types; `broker/api`
//! answers with them. A field that is added is optional for older clients.

mod body;
mod client;
mod device;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod sse;
pub mod wire;

pub use client::{Client, TokenSource};
pub use device::{DeviceLogin, Tokens};
pub use error::{Error, Result};
pub use sse::{Event, EventStream};
