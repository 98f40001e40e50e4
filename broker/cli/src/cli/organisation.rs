use std::path::PathBuf;

use broker_model::{Identifiers, OrganisationDraft, OrganisationId, OrganisationKind, SizeClass};
use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::{RepresentativeVerb, values};

#[derive(Debug, Subcommand)]
pub enum OrganisationVerb {
    /// Show how an organisation is described
    Show {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        /// Print it as a file for `organisation describe`
        #[arg(long)]
        toml: bool,
    },
    /// Register an organisation; you speak for it from then on
    Register(Box<RegisterArgs>),
    /// Describe an organisation anew
    #[command(allow_missing_positional = true)]
    Describe {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        /// TOML, or JSON if it is called `*.json`; `-` for standard input
        file: PathBuf,
    },
    /// List the de minimis aid that national hours were to an organisation
    Aid {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Show how large an organisation is today, and how that follows
    Size {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    #[command(flatten)]
    People(RepresentativeVerb),
}

/// A description in a file, or in words of the command line.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// TOML, or JSON if it is called `*.json`; `-` for standard input
    #[arg(conflicts_with = "described")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub described: Described,
    /// The same key again means the same organisation, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

#[derive(Debug, Args)]
#[group(id = "described", multiple = true)]
pub struct Described {
    #[arg(long, required_unless_present = "file")]
    name: Option<String>,
    /// Where it is established: FR
    #[arg(long, required_unless_present = "file")]
    country: Option<String>,
    #[arg(long, required_unless_present = "file", value_parser = values::one_of::<OrganisationKind>(&["company", "research", "public_sector"]))]
    kind: Option<OrganisationKind>,
    /// By Recommendation 2003/361/EC, as declared; a file may hold the accounts that it follows from
    #[arg(long, value_parser = values::one_of::<SizeClass>(&["micro", "small", "medium", "large", "unclear"]))]
    size: Option<SizeClass>,
    /// With the prefix of the state: EL123456789
    #[arg(long)]
    vat: Option<String>,
    /// Participant Identification Code of the EU's funding programmes
    #[arg(long)]
    pic: Option<String>,
    /// European Unique Identifier of a company
    #[arg(long)]
    euid: Option<String>,
    /// Legal Entity Identifier
    #[arg(long)]
    lei: Option<String>,
    /// It calls itself a start-up
    #[arg(long)]
    startup: bool,
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    founded_on: Option<Date>,
}

impl Described {
    /// None where a file was given instead.
    pub fn draft(self) -> Option<OrganisationDraft> {
        Some(OrganisationDraft {
            name: self.name?,
            country: self.country?,
            kind: self.kind?,
            startup: self.startup.then_some(true),
            founded_on: self.founded_on,
            identifiers: Identifiers {
                vat: self.vat,
                pic: self.pic,
                euid: self.euid,
                lei: self.lei,
            },
            size: self.size,
            size_facts: None,
        })
    }
}
