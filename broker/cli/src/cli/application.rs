use std::path::PathBuf;

use broker_model::{ApplicationId, OrganisationId};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// `alcyone modes` lists them
    pub mode: String,
    /// `site/system`, as `alcyone routes` lists them
    pub system: String,
    /// TOML, or JSON if it is called `*.json`, with project, need and answers; `-` for standard input
    #[arg(required_unless_present = "form")]
    pub file: Option<PathBuf>,
    /// Print the file to fill in: what is asked and not yet known, each with who asks for it
    #[arg(long, conflicts_with_all = ["file", "key"])]
    pub form: bool,
    /// Needed when you do not speak for one organisation
    #[arg(long, value_name = "ORG")]
    pub organisation: Option<OrganisationId>,
    /// The same key again means the same application, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ApplicationVerb {
    /// Show one: where it stands, by when it is decided, and what became of it
    Show { application: ApplicationId },
    /// Take one back before it is decided
    Withdraw { application: ApplicationId },
}
