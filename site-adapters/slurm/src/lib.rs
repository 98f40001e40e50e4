//! Slurm behind [`site_adapter::SiteAdapter`], spoken over slurmrestd (API v0.0.38 to v0.0.45).
//!
//! A job's Slurm name is the attempt's marker: the accounting database can be asked for names
//! cheaply and in bulk, and keeps them even where it does not keep comments. The user's own name for
//! the job stands in the comment and in the job's environment (`ALCYONE_JOB_NAME`).
//!
//! What the versions of the API do differently is kept in `dialect`, `value` and in the parsers
//! of the one file per REST call under `calls`; `flows` puts calls together and decides.

mod adapter;
mod answer;
mod calls;
mod config;
mod dialect;
mod flows;
mod gres;
mod known;
mod logs;
mod patience;
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
pub use config::{ApiChoice, InvalidSettings, PartitionSettings, SlurmSettings, TokenSource};
pub use dialect::ApiVersion;
