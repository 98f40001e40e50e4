//! Decides what an organisation may have, from rules that are data.
//!
//! The rules are Cedar files with annotations (`policies/rules`), the facts they stand on are dated
//! tables (`policies/tables`). A [`Question`] carries all that is known, the date included, and the
//! [`Decision`] names every rule that spoke: the same question under the same policy has the same
//! answer, byte for byte, so a stored decision can be replayed. No clock, no I/O after loading.

mod ahead;
mod bounds;
#[cfg(test)]
mod cases;
mod decision;
mod engine;
mod error;
mod evaluate;
mod facts;
mod force;
mod identifiers;
mod languages;
mod load;
mod looks;
mod memo;
mod modes;
mod question;
mod routes;
mod rule;
mod settle;
mod size;
mod sources;
mod tables;
mod words;

pub use decision::{Decision, Effect, Outcome, Spoken};
pub use engine::Engine;
pub use error::{Fault, LoadError};
pub use identifiers::{CheckedIdentifier, Checksum, IdentifierFault, IdentifierKind};
pub use languages::TitleKind;
pub use modes::{
    AccessMode, ApplicantKind, Clock, ClockStart, CutOffs, Duty, GpuHours, NotOffered, Offer,
    OfferState, Selection, Sourced, begin_in_brussels, day_in_brussels,
};
pub use question::{
    Action, AiActFacts, AidFacts, AllocationFacts, ApplicantFacts, EvidenceFact, FairAccessFacts,
    FollowUpFacts, ModeFacts, NeedFacts, OrganisationFacts, ProjectFacts, Question, SettledFact,
    SharesFacts,
};
pub use routes::{Change, Cost, Route};
pub use rule::RuleInfo;
pub use size::{
    AccountingPeriod, LinkedEnterprise, PeriodFigures, PeriodFound, SizeClass, SizeFacts,
    SizeFault, SizeFound, SizeReason, Stake,
};
pub use tables::{
    Confidence, DefaultDuty, Due, EvidenceKindInfo, FollowUpKind, Holiday, Limit, Named,
    ProjectIdFault, ProjectIdParts, Reminder, Scope,
};
