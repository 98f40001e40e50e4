mod agent;
mod application;
mod audit;
mod contact;
mod decision;
mod entitlement;
mod evidence;
mod follow_up;
mod funder;
mod locale;
mod me;
mod member;
mod organisation;
mod parse;
mod person;
mod policy;
mod review;
mod routes;
mod site;
mod terms;
mod values;

use std::path::PathBuf;

use broker_model::{JobId, ProjectId, SiteId};
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use url::Url;

pub use agent::AgentVerb;
pub use application::{ApplicationVerb, ApplyArgs};
pub use audit::Audit;
pub use contact::{
    CentresVerb, ContactVerb, FindArgs, MatchesVerb, MatchingVerb, MovedArgs, ReferArgs,
    ReferralVerb,
};
pub use decision::DecisionVerb;
pub use entitlement::EntitlementVerb;
pub use evidence::{EvidenceAdd, EvidenceVerb, FileVerb};
pub use follow_up::FollowUpVerb;
pub use funder::{FunderVerb, ObjectiveArgs, ObjectiveVerb};
pub use me::MeVerb;
pub use member::{InvitationVerb, InviteArgs, MemberVerb, ProjectVerb, RepresentativeVerb, Whom};
pub use organisation::{OrganisationVerb, RegisterArgs};
pub use parse::parse;
pub use person::{HandoffArgs, HandoffFormat, PersonVerb};
pub use policy::{CompareArgs, PolicyVerb};
pub use review::{AcceptArgs, ReviewVerb, ScreeningArgs};
pub use routes::RouteArgs;
pub use site::{
    DrainVerb, IncidentVerb, KindArg, Refused, ScopeArgs, SeverityArg, SiteVerb, VetoVerb,
    WindowVerb,
};
pub use terms::{AcceptTermsArgs, TermsVerb};

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
    /// Two letters: read the broker's words in it, `fr`; English where it does not have them. `centres find` and
    /// `refer` take it for what people want to be helped in, too [default: what `LC_ALL`, `LC_MESSAGES` or `LANG` says]
    #[arg(long, env = "ALCYONE_LANGUAGE", global = true, value_parser = values::language)]
    pub language: Option<String>,
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
    /// Fetch what is kept of you, or ask to be erased
    Me {
        #[command(subcommand)]
        what: MeVerb,
    },
    /// Ask whether a project may compute now, with every rule and its legal source
    Check {
        /// Needed when you work in several projects
        #[arg(long)]
        project: Option<ProjectId>,
    },
    /// List the terms in force, of the platform and of the sites, and which of them you have accepted
    Terms {
        #[command(subcommand)]
        what: Option<TermsVerb>,
    },
    #[command(flatten)]
    Entitlement(EntitlementVerb),
    #[command(flatten)]
    Contact(ContactVerb),
    #[command(flatten)]
    Funder(FunderVerb),
    #[command(flatten)]
    Member(MemberVerb),
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
