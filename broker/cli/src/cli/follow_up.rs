use broker_model::FollowUpId;
use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::values;

#[derive(Debug, Subcommand)]
pub enum FollowUpVerb {
    /// Show one: until when it is owed, what was handed in, and what a reviewer said of it
    Show {
        #[arg(value_name = "FOLLOW-UP")]
        follow_up: FollowUpId,
    },
    /// Hand in what is owed (representatives of the organisation, leads of the project)
    Fulfil {
        #[command(flatten)]
        of: SettledArgs,
        /// The report itself, or what it says and where it is
        #[arg(long)]
        words: String,
        /// Where it can be read: `https://…`
        #[arg(long, value_name = "URL")]
        link: Option<String>,
        /// Of its bytes, as `sha256sum` prints it: what the link gives later can be compared with it
        #[arg(long, value_name = "DIGEST")]
        sha256: Option<String>,
    },
    /// Say that it is not owed any more (reviewers)
    Waive {
        #[command(flatten)]
        of: SettledArgs,
        /// For the organisation to read
        #[arg(long)]
        reason: String,
    },
    /// Ask again for what was handed in or waived (reviewers)
    Reopen {
        #[command(flatten)]
        of: SettledArgs,
        /// What is missing, for the organisation to read
        #[arg(long)]
        words: String,
        /// Another last day: 2027-06-30
        #[arg(long, value_name = "DAY", value_parser = values::day)]
        due_on: Option<Date>,
    },
    /// Give what is owed still another last day (reviewers)
    Postpone {
        #[command(flatten)]
        of: SettledArgs,
        /// Why, for the organisation to read
        #[arg(long)]
        words: String,
        /// The last day from now on: 2027-06-30
        #[arg(long, value_name = "DAY", value_parser = values::day)]
        due_on: Date,
    },
}

/// Which one, and under which key.
#[derive(Debug, Args)]
pub struct SettledArgs {
    #[arg(value_name = "FOLLOW-UP")]
    pub follow_up: FollowUpId,
    /// The same key again means the same answer
    #[arg(long)]
    pub key: Option<String>,
}
