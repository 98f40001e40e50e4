use broker_model::OrganisationId;
use clap::Subcommand;

use super::{
    ApplicationVerb, ApplyArgs, DecisionVerb, EvidenceVerb, FollowUpVerb, OrganisationVerb,
    ReviewVerb, RouteArgs,
};

/// What an organisation may have, and how it comes to it.
#[derive(Debug, Subcommand)]
pub enum EntitlementVerb {
    /// List the access modes: who may apply for what, where it is open, and when it is decided
    Modes {
        /// All of one, each value with its source
        mode: Option<String>,
    },
    /// Ask what an organisation could have: every access mode at every system, decided
    Routes(Box<RouteArgs>),
    /// List the organisations that you speak for; all of them for reviewers, auditors and operators
    Organisations,
    /// Register an organisation, describe it, and see how large it is
    Organisation {
        #[command(subcommand)]
        what: OrganisationVerb,
    },
    /// List what an organisation has shown, or hand more of it in
    #[command(args_conflicts_with_subcommands = true)]
    Evidence {
        /// Needed when you do not speak for one organisation
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        #[command(subcommand)]
        what: Option<EvidenceVerb>,
    },
    /// Apply for access by one mode at one system
    Apply(ApplyArgs),
    /// List the applications of every organisation that you speak for, or of one that you may look at
    Applications {
        /// For reviewers, auditors and operators, of an organisation that is not theirs
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
    },
    /// Look at one application, or take it back
    Application {
        #[command(subcommand)]
        what: ApplicationVerb,
    },
    /// Look at a decision of the rules, or make it again
    Decision {
        #[command(subcommand)]
        what: DecisionVerb,
    },
    /// List what is owed after your allocations: final reports, surveys, and until when
    FollowUps {
        /// Of one organisation [default: of all that you speak for, and of your projects]
        #[arg(value_name = "ORG")]
        organisation: Option<OrganisationId>,
        /// What is overdue only; of everybody for reviewers, auditors and operators
        #[arg(long)]
        overdue: bool,
    },
    /// Look at something that is owed, hand it in, or judge it (reviewers)
    FollowUp {
        #[command(subcommand)]
        what: FollowUpVerb,
    },
    /// List what waits for a reviewer, oldest first, or decide on it (reviewers)
    Review {
        #[command(subcommand)]
        what: Option<ReviewVerb>,
    },
}
