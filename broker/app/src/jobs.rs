//! What a member of a project does with jobs.

mod cancel;
mod follow;
mod prepare;
mod quote;
mod reads;
mod show;
mod submit;
mod withdraw;

pub(crate) use cancel::{end_job, release_hold, state_entry};
pub use follow::{JobEventRow, LogPiece};
pub(crate) use prepare::chosen;
pub use quote::Quote;
pub(crate) use reads::JobReads;
pub use show::JobPage;
pub(crate) use submit::placed_entry;
pub use submit::{Accepted, FirstAnswer, Idempotency, InFlight};
