//! What agents of the sites ask and tell. Who an agent is, the transport has checked: these take the
//! site it may speak for.

mod hear;
mod lease;
mod logs;
pub(crate) mod plausible;
mod report;
mod settle;
mod step;
mod work;

/// How often a change is tried again that another one came before.
const TRIES: u32 = 8;

pub use lease::Looks;
pub(crate) use lease::attempt_entry;
use report::Teller;
pub(crate) use step::Step;
