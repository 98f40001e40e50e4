use std::path::PathBuf;

use broker_model::{HandoffRef, JobId, SiteId};
use clap::{Args, Subcommand, ValueEnum};

/// What a person of a site does with jobs.
#[derive(Debug, Subcommand)]
pub enum PersonVerb {
    /// List the jobs that wait for a person of the site, with what they ask for and on which grounds
    Confirmations {
        site: SiteId,
        /// Print the scripts, too
        #[arg(long)]
        script: bool,
    },
    /// Let a waiting job into the site
    Confirm { site: SiteId, job: JobId },
    /// Send a waiting job away; its user reads the reason
    Decline {
        site: SiteId,
        job: JobId,
        #[arg(long)]
        reason: String,
    },
    /// List the jobs that people carry to the site, until they are settled
    Handoffs { site: SiteId },
    /// Tell what became of a job that was handed in at the site
    #[command(after_help = crate::verbs::REPORTS)]
    Report {
        site: SiteId,
        /// Its id, or its marker (`att_…`)
        job: HandoffRef,
        /// JSON, as below: the body of `POST /api/v1/sites/{id}/handoffs/{job}/reports`
        file: PathBuf,
    },
}

/// What a job is carried to its site as.
#[derive(Debug, Args)]
pub struct HandoffArgs {
    #[arg(long, value_enum, default_value_t = HandoffFormat::Script)]
    pub format: HandoffFormat,
    /// Write it there instead of printing it
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// The LEXIS project that pays
    #[arg(long, required_if_eq("format", "lexis"))]
    pub lexis_project: Option<String>,
    /// The `HEAppE` command template that the site has approved
    #[arg(long, required_if_eq("format", "lexis"))]
    pub lexis_template: Option<String>,
    /// Where script and data lie for LEXIS: `ddi://…`
    #[arg(long)]
    pub lexis_dataset: Option<String>,
    /// What LEXIS calls the machine, when not as the broker does
    #[arg(long)]
    pub lexis_location: Option<String>,
    /// Say that it was handed in, with the site's id for it or `-`, instead of fetching it
    #[arg(long, value_name = "REMOTE_ID")]
    pub handed_in: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HandoffFormat {
    /// A batch script for Slurm or PBS, by the system's scheduler
    Script,
    /// A LEXIS Workflow Definition
    Lexis,
}
