use std::path::PathBuf;

use broker_model::JobId;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Fetch the ledger into a file that verifies offline (auditors)
    Export { file: PathBuf },
    /// Verify an export offline, or with --job the proofs of one job online
    Verify {
        /// An export made by `audit export`
        file: Option<PathBuf>,
        /// The ledger's verifier key, from a source you trust; repeatable. Else the key seen first is
        /// kept in the settings folder and a change of it is an error
        #[arg(long)]
        trusted_key: Vec<String>,
        /// A signed checkpoint kept from earlier: the ledger must still begin with it
        #[arg(long)]
        checkpoint: Option<PathBuf>,
        /// Check every entry of this job against the broker's signed tree, now
        #[arg(long)]
        job: Option<JobId>,
    },
}
