use std::collections::BTreeSet;

use broker_model::{
    ApplicationId, EvidenceId, FundingShare, GrantDraft, GrantScope, OrganisationId, PersonId,
    SiteId,
};
use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;

use super::values;

/// One of them has to be said, and where none is, all are named.
fn one_of(name: &'static str, flags: [&'static str; 2]) -> ArgGroup {
    ArgGroup::new(name).required(true).args(flags)
}

#[derive(Debug, Subcommand)]
pub enum ReviewVerb {
    /// Say of evidence whether it is true and suffices; the organisation reads the words
    #[command(group(one_of("verdict", ["accept", "refuse"])))]
    Evidence {
        #[arg(value_name = "ORG")]
        organisation: OrganisationId,
        evidence: EvidenceId,
        /// It is true and suffices; this, or --refuse
        #[arg(long)]
        accept: bool,
        /// It is not, or does not
        #[arg(long)]
        refuse: bool,
        /// It was found otherwise before, and this takes that finding's place
        #[arg(long)]
        again: bool,
        /// What was looked at, and why it does or does not suffice
        #[arg(long)]
        words: String,
        /// Each file that was looked at, by the digest that `alcyone evidence ORG` shows; all that there are
        #[arg(long = "file", value_name = "SHA256")]
        files: Vec<String>,
    },
    /// Record what you found in lists of sanctions or export control, of an organisation or one of its people
    Screening(ScreeningArgs),
    /// Decide on an application; the organisation reads the reasons
    #[command(group(one_of("verdict", ["accept", "reject"])))]
    Application {
        application: ApplicationId,
        #[command(flatten)]
        accept: AcceptArgs,
        /// Give nothing
        #[arg(long, conflicts_with_all = ["hours", "federation", "from", "to", "unit", "share", "worth_eur", "call_reference", "local_accounts"])]
        reject: bool,
        #[arg(long)]
        reasons: String,
        /// The same key again means the same decision
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(group(one_of("found", ["clear", "unsettled"])))]
pub struct ScreeningArgs {
    #[arg(value_name = "ORG")]
    pub organisation: OrganisationId,
    /// Somebody of its people [default: the organisation itself]
    #[arg(long, value_name = "PER")]
    pub person: Option<PersonId>,
    /// `sanctions_screening` or `export_screening`
    #[arg(long)]
    pub kind: String,
    /// Which list, and its date or version
    #[arg(long)]
    pub list: String,
    /// The day of the screening: 2026-11-23
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub on: Date,
    /// The last day that it counts [default: as long as its kind is valid, twelve months in the shipped policy]
    #[arg(long, value_name = "DAY", value_parser = values::day)]
    pub expires: Option<Date>,
    /// Nothing was found
    #[arg(long)]
    pub clear: bool,
    /// Something was found, or could not be told apart: it stays for people
    #[arg(long)]
    pub unsettled: bool,
    /// What was looked at and found; the organisation reads it
    #[arg(long)]
    pub words: String,
    /// The same key again means the same record
    #[arg(long)]
    pub key: Option<String>,
}

/// What is given.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// Give the hours below; makes the project and its allocation
    #[arg(long, requires_all = ["hours", "from", "to"])]
    accept: bool,
    /// In the unit of the system: GPU-hours at some, node-hours at others; with --federation physical GPU-hours
    #[arg(long, requires = "accept", allow_negative_numbers = true)]
    hours: Option<u32>,
    /// Good at any system of the federation, and not only at the one that was applied for
    #[arg(long, requires = "accept")]
    federation: bool,
    /// The first day: 2026-11-23
    #[arg(long, value_name = "DAY", requires = "accept", value_parser = values::day)]
    from: Option<Date>,
    /// The last day
    #[arg(long, value_name = "DAY", requires = "accept", value_parser = values::day)]
    to: Option<Date>,
    /// One that the system is charged in [default: its own, if it has one only]
    #[arg(long, requires = "accept")]
    unit: Option<String>,
    /// Of whose time: union, national:FI or commercial [default: as the mode says, and commercial where the applicant pays for
    /// the Union's; has to be said where that is unclear]
    #[arg(long, requires = "accept")]
    share: Option<FundingShare>,
    /// What the hours are worth, in whole EUR, where they are de minimis aid, and only there
    #[arg(
        long,
        value_name = "EUR",
        requires = "accept",
        allow_negative_numbers = true
    )]
    worth_eur: Option<u32>,
    /// In the grammar of the calls: EHPC-AIF-2026PG01-1147
    #[arg(long, value_name = "REFERENCE", requires = "accept")]
    call_reference: Option<String>,
    /// The project's account at a site, as the site spells it; repeatable
    #[arg(long = "local-account", value_name = "SITE=NAME", requires = "accept", value_parser = values::local_account)]
    local_accounts: Vec<(SiteId, String)>,
}

impl AcceptArgs {
    /// The site that `--local-account` names a second time: of two accounts there nobody knows which is meant.
    pub fn twice(&self) -> Option<&SiteId> {
        let mut seen = BTreeSet::new();
        let mut sites = self.local_accounts.iter().map(|(site, _)| site);
        sites.find(|it| !seen.insert(*it))
    }

    /// None where the application is rejected.
    pub fn grant(self) -> Option<GrantDraft> {
        Some(GrantDraft {
            hours: self.hours?,
            scope: if self.federation {
                GrantScope::Federation
            } else {
                GrantScope::System
            },
            unit: self.unit,
            share: self.share,
            worth_eur: self.worth_eur,
            valid_from: self.from?,
            valid_to: self.to?,
            call_reference: self.call_reference,
            local_accounts: self.local_accounts.into_iter().collect(),
        })
    }
}
