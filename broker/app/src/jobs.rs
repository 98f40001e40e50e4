//! What a member of a project does with jobs.

mod after;
mod barred;
mod cancel;
mod entrance;
mod follow;
mod leaving;
mod placing;
mod prepare;
mod quote;
mod reads;
mod redecide;
mod show;
mod submit;
mod wishes;
mod withdraw;

pub(crate) use after::Dependencies;
pub(crate) use cancel::{end_job, end_unplaced, job_entry, release_hold, state_entry};
pub use follow::{JobEventRow, LogPiece};
pub(crate) use leaving::Leave;
pub(crate) use placing::{Placing, PlacingDigests};
pub(crate) use prepare::chosen;
pub use quote::Quote;
pub(crate) use reads::JobReads;
pub(crate) use redecide::Redecided;
pub use show::JobPage;
pub use submit::Accepted;
pub(crate) use submit::placed_entry;

pub use crate::once::{FirstAnswer, Idempotency, InFlight};
