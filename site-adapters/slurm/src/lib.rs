//! Slurm behind [`site_adapter::SiteAdapter`], spoken over slurmrestd (API v0.0.38 to v0.0.45).
//!
//! A job's Slurm name is the attempt's marker: the accounting database can be asked for names
//! cheaply and in bulk, and keeps them even where it does not keep comments. The user's own name for
//! the job stands in the comment and in the job's environment (`ALCYONE_JOB_NAME`).
//!
//! An array is one job to the agent. Its tasks have ids of their own in slurmctld and in slurmdbd, and
//! a requeue gives a job a new submit time: `whole` puts tasks and pieces together.
//!
//! No server that speaks v0.0.39 (Slurm 23.02) could be had, so nothing of it is measured. How the
//! accounting is asked is from `SchedMD`'s source; jobs are written as for v0.0.40 with the script beside
//! the job, as in v0.0.38, and GPUs as others' recordings of 23.02 have them in jobs. It is spoken only
//! where a site has nothing newer. Whatever the version, a job that slurmctld reads back without its
//! GPUs is withdrawn.
//!
//! What the versions of the API do differently is kept in `dialect`, `value` and in the parsers
//! of the one file per REST call under `calls`; `flows` puts calls together and decides.

mod adapter;
mod answer;
mod calls;
mod config;
mod dialect;
mod flows;
#[doc(hidden)]
pub mod fuzzing;
mod gres;
mod known;
mod logs;
mod minute;
mod record;
mod script;
mod states;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod transport;
mod value;
mod whole;

pub use adapter::SlurmAdapter;
pub use config::{ApiChoice, PartitionSettings, SlurmSettings, TokenSource};
pub use dialect::ApiVersion;
