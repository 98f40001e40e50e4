//! Personal data of natural persons: telling somebody all that is kept of them, erasing it, keeping what
//! must not be erased, and letting go what has been kept for its time.
//!
//! What lies where, on which ground and for how long: `broker/decisions/0017-personal-data.md`.

mod blank;
mod erase;
mod export;
mod files;
mod footprint;
mod holds;
mod plan;
mod request;
mod retention;
mod sift;

use jiff::{SignedDuration, Timestamp};

pub use export::{ExportedDossier, ExportedIdentity, ExportedSession, PersonExport};
pub use plan::{ErasurePlan, PlanLine};
pub use retention::{Retained, Retention};

/// Why a sign-in of before an erasure no longer counts. It names nobody.
const ERASED_LOGIN: &str = "the person was erased";

/// Whether so many days have gone by since; a time that cannot be told has not come.
fn is_over(since: Timestamp, days: u32, now: Timestamp) -> bool {
    let span = SignedDuration::from_hours(24 * i64::from(days));
    since.checked_add(span).is_ok_and(|end| end <= now)
}
