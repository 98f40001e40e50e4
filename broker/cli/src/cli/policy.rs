use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::values;

/// The rules in force, those before them, and those that may come.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// List the policy in force and those that decided before (reviewers, auditors, operators)
    List,
    /// Say who would be decided on otherwise by another policy, and by which rule; exit code 1 where somebody would.
    /// Nothing takes effect
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// A folder with `modes`, `rules`, `tables` and `words`, or the digest of a policy that `policy list` lists
    #[arg(value_name = "FOLDER|DIGEST")]
    pub policy: PathBuf,
    /// The digest of one that is asked the same [default: what was decided]
    #[arg(long, value_name = "DIGEST")]
    pub against: Option<String>,
    /// Ask everything as if it were this day, under both [default: each on its own day]
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub on: Option<Date>,
}
