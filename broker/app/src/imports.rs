//! Allocations that were granted elsewhere: a table, or the allocation system of the EuroHPC Federation
//! Platform (Waldur), both as the same lines.
//!
//! A line is known by its source and its reference (a claim, `allocation:<source>:<reference>`), so
//! importing again changes nothing, and a changed line changes the allocation that it made. With a
//! fault in one of the lines nothing is imported, and up to 5000 of them are one change. What vanished from
//! the source is reported and stays.

mod carry_out;
mod check;
mod decimal;
mod known;
mod line;
mod plan;
mod says;
mod table;
mod waldur;

pub(crate) use check::is_account_name;
pub use decimal::{Decimal, NoDecimal};
pub use line::{ImportBatch, ImportLine, ImportReport, OverLine};
pub(crate) use table::{BYTE_ORDER_MARK, line_number, reader_of};
pub use table::{COLUMNS, read_table};
pub use waldur::{
    AccountField, CustomerMap, Factor, Mapped, OfferingMap, WaldurCustomer, WaldurMap,
    WaldurResource, line_of, same_uuid,
};
