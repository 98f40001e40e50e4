use std::path::PathBuf;

use broker_model::{EvidenceId, OrganisationId};
use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::values;

#[derive(Debug, Subcommand)]
pub enum EvidenceVerb {
    /// Hand evidence in with its files; it counts once a reviewer has found it good
    Add(EvidenceAdd),
    /// Add files to evidence that waits for a reviewer, or fetch one
    File {
        #[command(subcommand)]
        what: FileVerb,
    },
    /// Take evidence back; it counts for nothing from then on
    Withdraw {
        evidence: EvidenceId,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
}

#[derive(Debug, Args)]
pub struct EvidenceAdd {
    /// Needed when you do not speak for one organisation
    #[arg(value_name = "ORG")]
    pub organisation: Option<OrganisationId>,
    /// What it is: `ai_pact_pledge`; an unknown kind is answered with all that there are
    #[arg(long)]
    pub kind: String,
    /// The first day it counts: 2026-10-01
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub issued_on: Date,
    /// The last day it counts
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub expires_on: Option<Date>,
    /// Who issued it, under which number or address
    #[arg(long)]
    pub source: String,
    /// PDF, PNG, JPEG or plain text; repeatable
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// The same key again means the same evidence, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum FileVerb {
    /// Add files: PDF, PNG, JPEG or plain text
    Add {
        evidence: EvidenceId,
        #[arg(required = true, value_name = "PATH")]
        files: Vec<PathBuf>,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Fetch a file
    Get {
        evidence: EvidenceId,
        /// Its name, or the beginning of its sha256
        file: String,
        /// Write it there instead of to standard output
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
}
