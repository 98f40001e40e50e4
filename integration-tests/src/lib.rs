//! What the tests across crates share: the built programs as child processes, a broker as an
//! operator sets it up, sites beside it, people who sign in at a real OpenID provider.
//!
//! Nothing of the product is replaced: what a test starts here is what is shipped.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

mod agent;
mod child;
mod commands;
mod enrolment;
mod faults;
mod front;
mod installation;
mod jobs;
mod leftovers;
mod people;
mod ports;
mod programs;
mod sites;
mod wait;

pub use agent::{Adapter, SiteAgent};
pub use child::Running;
pub use commands::{Alcyone, Done};
pub use enrolment::Enrolment;
pub use faults::{Fault, FaultyProxy, Plan};
pub use front::Front;
pub use installation::{Installation, Setup, Tls};
pub use jobs::{Books, JobFile};
pub use people::{AUDITOR, ENGINEER, People};
pub use ports::free_port;
pub use programs::program;
pub use sites::{alpha, beta, site_of, site_of_slurm};
pub use wait::until;
