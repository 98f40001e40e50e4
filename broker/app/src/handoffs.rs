//! Jobs that a person hands in by a site's own route: what they fetch, and what the site tells of it.
//!
//! Such a job has one attempt from the moment it is placed. Its id is in the script, so that it can be
//! found at the site, and no other attempt is made before a person of the site says that this one
//! never came or is over (invariant 2).

mod batch;
mod fetch;
mod fit;
mod lexis;
mod list;
mod report;

pub use fetch::{Fetched, Form};
pub use lexis::LexisNames;
pub use site_adapter::{HandoffReport, UsageReport};
