//! OpenPBS and PBS Pro behind [`site_adapter::SiteAdapter`], spoken through their commands.
//!
//! A job's PBS name is the attempt's marker: `qselect -x -N` finds it in one cheap query. Commands run
//! locally or over ssh as the job's mapped user (`transport`); what they print is read by `json`,
//! `attributes` and the one file per command under `calls`; `flows` puts commands together and
//! decides.
//!
//! PBS may run a job a second time (a node's daemon restarts) and may lose or invent an exit code, so
//! the script it gets is a wrapper of ours (`script`): it starts the user's code once for an attempt,
//! whatever PBS does, and writes down itself how that ended (`record_file`).

mod adapter;
mod answer;
mod attributes;
mod calls;
mod config;
mod flows;
mod forecasts;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod json;
mod logs;
mod record;
mod record_file;
mod script;
mod states;
mod times;
mod transport;

pub use adapter::PbsAdapter;
pub use config::{PartitionSettings, PbsSettings, TransportSettings};
