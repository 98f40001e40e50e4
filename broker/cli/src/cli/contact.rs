use std::path::PathBuf;

use broker_client::wire::CentreQuery;
use broker_model::{
    CentreId, ContactNeed, DataClass, JobId, OrganisationId, ProfileId, ReferralId,
    ReferralOutcome, SizeClass, Timing,
};
use clap::{Args, Subcommand};

use super::values;

/// The single point of contact: who helps, referrals to them, and whom an organisation may meet.
#[derive(Debug, Subcommand)]
pub enum ContactVerb {
    /// List the support centres, or find out which helps best
    Centres {
        #[command(subcommand)]
        what: Option<CentresVerb>,
    },
    /// List where money may come from (EIC, InvestEU): entries of a directory, neither advice nor a promise
    Finance,
    /// Ask a support centre for help
    Refer(Box<ReferArgs>),
    /// List the referrals of your organisations and projects, or what waits at a centre
    Referrals {
        /// What waits at this centre, oldest first (its staff)
        #[arg(long, conflicts_with = "overdue")]
        centre: Option<CentreId>,
        /// Those that no centre acknowledged in time (operators, staff of their centres)
        #[arg(long)]
        overdue: bool,
    },
    /// Look at one referral, answer it (staff of its centre), or take it back
    Referral {
        #[command(subcommand)]
        what: ReferralVerb,
    },
    /// What an organisation lets others know of it, to be matched with the other side
    Matching {
        #[command(subcommand)]
        what: MatchingVerb,
    },
    /// List whom an organisation may meet, or say whether it would
    #[command(args_conflicts_with_subcommands = true)]
    Matches {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        #[command(subcommand)]
        what: Option<MatchesVerb>,
    },
}

#[derive(Debug, Subcommand)]
pub enum CentresVerb {
    /// Rank the centres for a need, with reasons; nothing of it is stored
    Find(Box<FindArgs>),
}

/// What help is looked for.
#[derive(Debug, Args)]
pub struct NeedArgs {
    /// What to be helped with, more than once for several: training; `alcyone centres` shows who has which
    #[arg(long = "service", value_name = "SERVICE", required = true)]
    services: Vec<String>,
    /// health, manufacturing, …
    #[arg(long)]
    sector: Option<String>,
    /// How closely the data must be kept [default: open]
    #[arg(long, value_parser = values::one_of::<DataClass>(&["open", "personal", "sensitive"]))]
    data_class: Option<DataClass>,
    /// That people want to be helped in: fr. It is the one that the answer is read in, too
    #[arg(long, value_parser = values::language)]
    language: Option<String>,
    /// Where the organisation is established: FR
    #[arg(long)]
    country: Option<String>,
    /// Told to the centre; it counts for nothing in the order of centres
    #[arg(long, value_parser = values::one_of::<SizeClass>(&["micro", "small", "medium", "large", "unclear"]))]
    size: Option<SizeClass>,
    /// When the help is wanted [default: open]
    #[arg(long, value_parser = values::one_of::<Timing>(&["now", "weeks", "months", "open"]))]
    timing: Option<Timing>,
}

impl NeedArgs {
    pub fn need(self) -> ContactNeed {
        ContactNeed {
            services: self.services,
            sector: self.sector,
            data_class: self.data_class.unwrap_or_default(),
            size: self.size,
            country: self.country,
            language: self.language,
            timing: self.timing.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Args)]
pub struct FindArgs {
    #[command(flatten)]
    need: NeedArgs,
    /// One that you speak for: its country and size need not be said again
    #[arg(long, value_name = "ORG")]
    organisation: Option<OrganisationId>,
    /// Show every reason of each centre, and which cannot help with why not
    #[arg(long)]
    pub reasons: bool,
}

impl FindArgs {
    pub fn query(self) -> CentreQuery {
        CentreQuery {
            organisation: self.organisation,
            need: self.need.need(),
        }
    }
}

#[derive(Debug, Args)]
pub struct ReferArgs {
    /// `alcyone centres find` ranks them
    pub centre: CentreId,
    #[command(flatten)]
    pub need: NeedArgs,
    /// What is wanted of the centre, which reads it
    #[arg(long)]
    pub words: String,
    /// One that failed or ran out of its time; what became of it goes along, redacted
    #[arg(long)]
    pub job: Option<JobId>,
    /// Needed when you do not speak for one organisation; a job names its own
    #[arg(long, value_name = "ORG")]
    pub organisation: Option<OrganisationId>,
    /// The same key again means the same referral, never a second one
    #[arg(long)]
    pub key: Option<String>,
}

/// Which referral is moved, and under which key.
#[derive(Debug, Args)]
pub struct MovedArgs {
    pub referral: ReferralId,
    /// The same key again means the same answer
    #[arg(long)]
    pub key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ReferralVerb {
    /// Show one: which centre has it, where it stands there, and what happened before
    Show { referral: ReferralId },
    /// Say that the centre saw it (its staff)
    Acknowledge {
        #[command(flatten)]
        of: MovedArgs,
    },
    /// Say that the centre helps (its staff)
    Accept {
        #[command(flatten)]
        of: MovedArgs,
    },
    /// Say that the centre does not help (its staff)
    Decline {
        #[command(flatten)]
        of: MovedArgs,
        /// For the organisation to read
        #[arg(long)]
        reason: String,
    },
    /// Send it on to another centre (staff of the one that has it)
    HandOver {
        #[command(flatten)]
        of: MovedArgs,
        #[arg(long, value_name = "CENTRE")]
        to: CentreId,
        /// For the organisation and the next centre to read
        #[arg(long)]
        reason: String,
    },
    /// Say what came of it, once it was accepted (its staff)
    Close {
        #[command(flatten)]
        of: MovedArgs,
        #[arg(long, value_parser = values::one_of::<ReferralOutcome>(&["helped", "not_helped", "led_to_application", "led_to_funding", "no_answer"]))]
        outcome: ReferralOutcome,
        /// For the organisation to read
        #[arg(long)]
        words: String,
    },
    /// Take it back (the organisation that sent it)
    Withdraw {
        #[command(flatten)]
        of: MovedArgs,
        /// Why, for the centre to read
        #[arg(long)]
        words: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum MatchingVerb {
    /// Show what an organisation has published
    Show {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Publish a profile, or say anew what stands in it
    Publish {
        /// TOML, or JSON if it is called `*.json`, with side, sectors, seeks, offers, contact; `-` for standard input
        file: PathBuf,
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        /// The same key again means the same profile
        #[arg(long)]
        key: Option<String>,
    },
    /// Take it back with all its texts
    Withdraw {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
}

#[derive(Debug, Subcommand)]
pub enum MatchesVerb {
    /// Say that the organisation would meet it; once both would, each sees who the other is
    Interest {
        profile: ProfileId,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Take that back
    NoInterest {
        profile: ProfileId,
        /// Needed when you do not speak for one organisation
        #[arg(long, value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
}
