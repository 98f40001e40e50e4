//! From what a job asks for or used to what it costs, and from cost to balance.
//!
//! Integers throughout: unit-milliseconds and GPU-milliseconds, multiplied in `i128` and refused
//! where they do not fit. Nothing here reads a clock, so a charge can be computed again from the
//! site's record years later and must come out the same.

mod balance;
mod cost;
mod error;
mod month;
mod scope;

pub use balance::{cut, grant, hold, lose, recover, release, settle};
pub use cost::{Cost, Used, charge, quote};
pub use error::Error;
pub use month::month_of;
pub use scope::{check_payable, in_allocation_unit};
