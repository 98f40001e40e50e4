use std::path::PathBuf;

use broker_model::{OrganisationId, PersonId, SiteId};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use url::Url;

use crate::demo::DemoOptions;

/// The broker of Alcyone: one door to Europe's AI factories.
#[derive(Debug, Parser)]
#[command(name = "alcyone-broker", version, propagate_version = true)]
pub struct BrokerCommand {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the whole federation in this process and one sample job through it
    Demo(DemoOptions),
    /// Serve the API and the portal
    Serve {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Bring the database's schema up to this version; run before `serve` of a new version
    Migrate {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Bring organisations, projects, allocations and roles in from a file
    Import {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        file: PathBuf,
    },
    /// Allocations that were granted elsewhere
    Allocations {
        #[command(subcommand)]
        verb: AllocationsVerb,
    },
    /// Dated lists of who signed the AI Pact, for whoever checks a pledge
    Signatories {
        #[command(subcommand)]
        verb: SignatoriesVerb,
    },
    /// End what a person was given: tokens issued and portal sessions opened until now no longer
    /// count, in every replica within two seconds
    Revoke(RevokeOptions),
    /// List the revocations in force, for operators: it names people
    Revocations {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Make an invite for one agent of a site and print it: for the first agents, before anybody can
    /// sign in. Later a site's administrators make their own (`alcyone site invite`)
    Invite(InviteOptions),
    /// What is kept of a person: export it, or erase it
    Person {
        #[command(subcommand)]
        verb: PersonVerb,
    },
    /// Keep what belongs to a person or an organisation from being erased
    Hold {
        #[command(subcommand)]
        verb: HoldVerb,
    },
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Look at a policy set before it decides
    Policy {
        #[command(subcommand)]
        verb: PolicyVerb,
    },
    /// Try everything the configuration names and say what is wrong
    Doctor {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
    /// Make a key for the ledger
    LedgerKey {
        /// The ledger's name, which stays: `broker.example.eu/ledger`
        #[arg(long)]
        name: String,
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct RevokeOptions {
    #[arg(long, env = "ALCYONE_CONFIG")]
    pub config: PathBuf,
    /// As it is written in the configuration
    #[arg(long)]
    pub issuer: String,
    /// As `alcyone whoami` shows it
    #[arg(long)]
    pub subject: String,
    /// Why, for operators; it stays out of the ledger
    #[arg(long, required_unless_present = "lift", conflicts_with = "lift")]
    pub reason: Option<String>,
    /// Let nobody in with this subject before then either, as `2026-12-01T06:00:00Z`; without it a new sign-in counts
    #[arg(long, value_name = "TIME", conflicts_with = "lift")]
    pub until: Option<Timestamp>,
    /// Take the revocation back
    #[arg(long)]
    pub lift: bool,
}

#[derive(Debug, Args)]
pub struct InviteOptions {
    #[arg(long, env = "ALCYONE_CONFIG")]
    pub config: PathBuf,
    pub site: SiteId,
    /// How long it is good, 1 to 168 [default: 24]
    #[arg(long, value_name = "HOURS")]
    pub valid_hours: Option<u32>,
    /// Which machine it is for; the site's administrators see it
    #[arg(long)]
    pub note: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum AllocationsVerb {
    /// Import allocations from a table (CSV) or from a Waldur API; importing again changes only what differs
    ///
    /// All lines are imported, or none if one of them is at fault. A line is known by its `reference`: a
    /// changed line changes the hours, the term, the accounts and the suspension of the allocation that it
    /// made; one that vanished is reported and stays.
    ///
    /// Columns of a table (RFC 4180, UTF-8, names in the first line, in any order):
    ///
    ///   `reference`       the source's own name of the allocation, which never changes
    ///   `organisation`    its name, for one that is not registered yet
    ///   `country`         where it is established: `FI`
    ///   `identifier`      `pic:…`, `vat:…`, `lei:…`, `euid:…`, `ext:…` (the source's own id), or `org_…`
    ///   `project`         its name, or `prj_…`
    ///   `call_reference`  finds the project before its name does (may be left out)
    ///   `system`          `site/system`, or `federation`
    ///   `share`           `union`, `national:FI`, `commercial`
    ///   `mode`            the access mode that gave it, by its id; the id of its call says it, too (may be left out)
    ///   `unit`            what the system charges in; `GPU-hour` for the federation
    ///   `hours`           granted: `1500`, `0.25`
    ///   `worth_eur`       what hours of a state are worth to a company, where they are de minimis aid (may be left out)
    ///   `valid_from`      first day, in Brussels: `2026-12-01`; or an instant: `2026-12-01T00:00:00Z`
    ///   `valid_to`        last day, included; or the first instant after it
    ///   `local_accounts`  `site=account;site=account` (may be left out)
    ///   `suspended`       `yes`, `no`, or nothing: as it is (may be left out)
    #[command(verbatim_doc_comment)]
    Import(ImportOptions),
}

#[derive(Debug, Args)]
pub struct ImportOptions {
    #[arg(long, env = "ALCYONE_CONFIG")]
    pub config: PathBuf,
    /// The table
    #[arg(required_unless_present = "waldur", conflicts_with = "waldur")]
    pub file: Option<PathBuf>,
    /// Read resources of this Waldur, as `https://waldur.example.org/`, in place of a table
    #[arg(long, value_name = "URL", requires = "token_file", requires = "map")]
    pub waldur: Option<Url>,
    /// A file with a token of Waldur, and nothing else
    #[arg(long, value_name = "FILE", requires = "waldur")]
    pub token_file: Option<PathBuf>,
    /// Only resources of this offering; may be given several times
    #[arg(long, value_name = "UUID", requires = "waldur")]
    pub offering: Vec<String>,
    /// What Waldur's offerings, limits and customers are here; see `config/waldur-map.example.toml`
    #[arg(long, value_name = "FILE", requires = "waldur")]
    pub map: Option<PathBuf>,
    /// What the source is called; references are its own [default: `csv`, or the host of the URL]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum SignatoriesVerb {
    /// Import a list as it was on a day, all of it or nothing; the same list again changes nothing
    ///
    /// A table (RFC 4180, UTF-8) with the column `name`, and perhaps `country` (`FR`) and `pledged_on` (a day, `2024-09-25`),
    /// named in its first line; a name stands once in a country.
    /// The newest day counts; of two lists of one day the one that came last. Reviewers are told which names on it
    /// read like an organisation's; no decision rests on it.
    Import(SignatoriesOptions),
    /// List what was imported, the list that counts first
    List {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct SignatoriesOptions {
    #[arg(long, env = "ALCYONE_CONFIG")]
    pub config: PathBuf,
    /// The table
    pub file: PathBuf,
    /// The day that it shows: 2026-11-01
    #[arg(long, value_name = "DAY")]
    pub as_of: Date,
    /// Where it is from: an address, or who sent it
    #[arg(long, value_name = "TEXT")]
    pub source: String,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum PersonVerb {
    /// Print all that is kept of a person as one JSON document (GDPR Art. 15 and 20)
    Export {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        person: PersonId,
    },
    /// Erase a person (GDPR Art. 17): issuer, subject, name, address, sessions and roles. Their id stays, as a
    /// pseudonym, and so does the ledger
    Erase(EraseOptions),
    /// List who asked to be erased and was not yet
    Requests {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct EraseOptions {
    #[arg(long, env = "ALCYONE_CONFIG")]
    pub config: PathBuf,
    /// As `alcyone whoami` shows it, and the ledger
    pub person: PersonId,
    /// Print what would go, what would stay and why, and what has to be done first; exit code 1 if anything has
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum HoldVerb {
    /// Nothing of theirs is erased until the hold is lifted; again means with another reason
    Set {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        #[command(flatten)]
        subject: SubjectOptions,
        /// Which dispute, audit or law; for operators, the ledger has its digest
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let go: what is over its time goes with the next round of retention
    Lift {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        #[command(flatten)]
        subject: SubjectOptions,
    },
    /// List the holds in force with their reasons
    List {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct SubjectOptions {
    #[arg(long)]
    pub person: Option<PersonId>,
    /// What belongs to it; its people's identities need holds of their own
    #[arg(long)]
    pub organisation: Option<OrganisationId>,
}

#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Ask every question that was ever decided under the policy set of a folder: who would change, and by
    /// which rule. Exit code 1 if anybody would. Nothing is stored
    Compare {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
        /// A folder with `modes/`, `rules/` and `tables/`
        folder: PathBuf,
        /// As if all were asked on this day, under the set in force and the other: 2027-01-01 [default: each on
        /// its own day, on which rules to come are silent]
        #[arg(long, value_name = "DAY")]
        on: Option<Date>,
        /// One JSON document instead of lines
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Read it as `serve` would and say what is wrong, with file, key and reason
    Check {
        #[arg(long, env = "ALCYONE_CONFIG")]
        config: PathBuf,
    },
}
