//! What agents of the sites ask and tell. Who an agent is, the transport has checked: these take the
//! site it may speak for.

mod lease;
mod report;
mod settle;

pub use lease::Looks;
pub(crate) use lease::attempt_entry;
