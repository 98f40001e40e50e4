use std::path::PathBuf;

use clap::Subcommand;

/// What the broker keeps of you.
#[derive(Debug, Subcommand)]
pub enum MeVerb {
    /// Fetch all that is kept of you as one JSON document
    Export {
        /// Write it there, for you alone to read, instead of printing it
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Ask to be erased: operators carry it out within a month, once your jobs are over. You come back as
    /// somebody new
    Erase {
        /// Say that you mean it
        #[arg(long, required_unless_present = "withdraw")]
        yes: bool,
        /// Take it back, while no operator has carried it out
        #[arg(long, conflicts_with = "yes")]
        withdraw: bool,
    },
}
