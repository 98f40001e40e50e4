//! The use cases, one file each. Each reads, decides by the pure crates, and hands one change to the
//! store; nothing here names a database, a scheduler or a wire format.
//!
//! Requests write intent; the loops in [`loops`] act on it. They are idempotent, take no input and
//! run on a timer and on a nudge, so any number of replicas may run them.

mod access_modes;
mod accounts;
pub mod agents;
mod applications;
pub mod audit;
mod authority;
mod board;
mod broker;
mod caller;
mod calls;
mod confirmations;
mod contact;
mod decisions;
mod dossiers;
mod drain;
mod eligibility;
mod enrolment;
mod error;
mod evidence;
mod failed_logins;
mod follow_ups;
#[doc(hidden)]
pub mod fuzzing;
mod handoffs;
pub mod imports;
mod indicators;
mod invalid;
pub mod jobs;
pub mod loops;
mod members;
mod missing;
mod nudge;
mod objectives;
mod once;
mod organisations;
mod policies;
mod privacy;
mod registry;
pub mod replay;
mod revocations;
mod roles;
mod routes;
mod sessions;
pub mod setup;
mod shares;
mod signatories;
mod sites;
mod standing;
mod state_log;
mod states;
mod tally;
mod terms;

pub use access_modes::ModeToday;
pub use applications::{ApplicationForm, FormClosed, FormField, GrantChoices, UnitChoice};
pub use board::{Board, SiteEntry};
pub use broker::{Broker, BrokerParts, Limits};
pub use caller::Caller;
pub use confirmations::Answer;
pub use contact::{
    CentreKind, CentreQuery, Directory, DirectoryError, DirectoryTexts, ExcludedCentre, Finance,
    Match, MatchContact, RankedCentre, Ranking, Reason, ReasonCode, ReferralClock, ReferralSender,
    ReferralView, Sector, Service, SupportCentre, Titles, Vocabulary, redact,
};
pub use decisions::Asked;
pub use eligibility::CheckAnswer;
pub use enrolment::{AgentDoor, AgentRefusal, AgentView, InviteOrder, KnownAgent, NewInvite};
pub use error::{Error, Result, chain};
pub use evidence::{FileStore, Upload};
pub use failed_logins::Door;
pub use follow_ups::FollowUpView;
pub use handoffs::{Fetched, Form, HandoffReport, LexisNames, UsageReport};
pub use indicators::IndicatorQuery;
pub use members::{InvitationRefusal, InvitationView, Member, Members, PersonName};
pub use nudge::Nudges;
pub use once::{Entered, FirstAnswer, Idempotent, Once, Order};
pub use organisations::{OrganisationSize, Undertaking, UndertakingMember, organisation_tag};
pub use policies::{
    ComparisonPage, ComparisonQuery, DecisionChange, DecisionReplay, PolicyComparison, PolicyView,
    SizeChange, compare_policies,
};
pub use privacy::{
    ErasurePlan, ExportedDossier, ExportedIdentity, ExportedSession, PersonExport, PlanLine,
    Retained, Retention,
};
pub use registry::{
    Adopted, ControlsView, Difference, Filed, FiledAs, SiteDocument, SiteJob, SiteJobs, WindowView,
};
pub use revocations::{RevocationOrder, Revoking};
pub use roles::{HeldRole, RoleRule};
pub use routes::{DeclaredEvidence, NotOfferedFound, RouteFound, RouteQuery};
pub use sessions::{OpenSession, SignedIn};
pub use signatories::{SignatoryImport, SignatoryTable, read_signatories};
pub use sites::SiteView;
pub use standing::Standing;
pub use terms::{BrokenTerms, TermsFault, TermsInForce, TermsSet};

/// Most that a list of what waits at a site tells at once; whoever wants more asks for what comes after.
pub const MOST_AT_ONCE: u32 = 200;

/// Behind which of a list's rows there may be more; none behind the last of fewer than [`MOST_AT_ONCE`].
pub fn next_after<T, I>(listed: &[T], id: impl Fn(&T) -> I) -> Option<I> {
    let is_full = listed.len() >= MOST_AT_ONCE as usize;
    listed.last().filter(|_| is_full).map(id)
}
