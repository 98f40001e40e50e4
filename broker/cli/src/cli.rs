mod parse;
mod person;
mod routes;
mod site;
mod values;

use std::path::PathBuf;

use broker_model::{AgentId, InviteId, JobId, ProjectId, SiteId};
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use url::Url;

pub use parse::parse;
pub use person::{HandoffArgs, HandoffFormat, PersonVerb};
pub(crate) use routes::RouteArgs;
pub use site::{
    DrainVerb, IncidentVerb, KindArg, ScopeArgs, SeverityArg, SiteVerb, VetoVerb, WindowVerb,
};

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused, or the answer is no; 2 wrong use or a file that cannot be read;
3 not signed in; 4 the broker, or at a login its issuer, cannot be reached; 5 verification failed";

/// Compute at Europe's AI factories.
#[derive(Debug, Parser)]
#[command(name = "alcyone", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Where the broker is; also in the file `config.toml` of the folder below
    #[arg(long, env = "ALCYONE_BROKER", global = true)]
    pub broker: Option<Url>,
    /// The folder for settings and the login [default: ~/.config/alcyone]
    #[arg(long, env = "ALCYONE_HOME", global = true)]
    pub home: Option<PathBuf>,
    /// Speak plain HTTP to a broker on another machine: whoever is on the way can read and use the login
    #[arg(long, env = "ALCYONE_ALLOW_HTTP", global = true, value_parser = FalseyValueParser::new())]
    pub allow_http: bool,
    /// Print JSON for programs, also when it fails: `code` and `detail`
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Sign in: shows a code to type in at your organisation's login page
    Login {
        /// Where the broker takes several: the issuer's address or its name
        #[arg(long)]
        issuer: Option<String>,
    },
    /// Forget the login on this machine
    Logout,
    /// Show who the broker takes you for, with projects and hours
    Whoami,
    /// Ask whether a project may compute now, with every rule and its legal source
    Check {
        /// Needed when you work in several projects
        #[arg(long)]
        project: Option<ProjectId>,
    },
    /// List the access modes: who may apply for what, where it is open, and when it is decided
    Modes {
        /// All of one, each value with its source
        mode: Option<String>,
    },
    /// Ask what an organisation could have: every access mode at every system, decided
    Routes(RouteArgs),
    /// Show where a job would run, when, and what it would cost
    Quote {
        /// TOML, or JSON if it is called `*.json`
        file: PathBuf,
    },
    /// Hand in a job
    Submit {
        /// TOML, or JSON if it is called `*.json`
        file: PathBuf,
        /// The same key again means the same job, never a second one
        #[arg(long)]
        key: Option<String>,
        /// Stay until the job has ended, showing its log
        #[arg(long)]
        wait: bool,
    },
    /// List your jobs, newest first
    Jobs {
        #[arg(long)]
        project: Option<ProjectId>,
        /// pending, held, placed, queued, running, completed, failed, cancelled, `timed_out`
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        site: Option<SiteId>,
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one job with its placement
    Show { job: JobId },
    /// Print what a job wrote
    Logs {
        job: JobId,
        /// Go on until the job has ended
        #[arg(short, long)]
        follow: bool,
        /// Standard error instead of standard output
        #[arg(long)]
        stderr: bool,
    },
    /// Ask for a job to be stopped
    Cancel { job: JobId },
    /// Fetch a job that a person hands in at its site
    Handoff {
        job: JobId,
        #[command(flatten)]
        args: HandoffArgs,
    },
    /// List the sites with their partitions
    Sites { site: Option<SiteId> },
    /// Administer a site (its administrators, operators)
    Site {
        #[command(subcommand)]
        what: SiteVerb,
    },
    /// Show what was used and charged
    Usage {
        #[arg(long)]
        project: Option<ProjectId>,
        /// A UTC month: 2026-11
        #[arg(long, value_parser = values::month)]
        month: Option<String>,
    },
    /// Check the ledger without trusting the broker
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
}

#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// Make a one-time invite for an agent and print its line for `alcyone-agent enrol`
    Invite {
        site: SiteId,
        /// How long it is good, 1 to 168 [default: 24]
        #[arg(long, value_name = "HOURS")]
        valid_hours: Option<u32>,
        /// Which machine it is for
        #[arg(long)]
        note: Option<String>,
    },
    /// List the invites of a site
    Invites { site: SiteId },
    /// Take an invite back that nobody has used
    WithdrawInvite { site: SiteId, invite: InviteId },
    /// List the agents of a site
    Agents { site: SiteId },
    /// Put an agent out, at once; the site's others take over what it held
    RevokeAgent {
        site: SiteId,
        agent: AgentId,
        /// Why; the agent is told, and the ledger is not
        #[arg(long)]
        reason: String,
    },
}

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
