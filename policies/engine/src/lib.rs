//! Decides what an organisation may have, from rules that are data.
//!
//! The rules are Cedar files with annotations (`policies/rules`), the facts they stand on are dated
//! tables (`policies/tables`). A [`Question`] carries all that is known, the date included, and the
//! [`Decision`] names every rule that spoke: the same question under the same policy has the same
//! answer, byte for byte, so a stored decision can be replayed. No clock, no I/O after loading.

#[cfg(test)]
mod cases;
mod decision;
mod engine;
mod error;
mod evaluate;
mod facts;
mod force;
mod load;
mod modes;
mod question;
mod routes;
mod rule;
mod sources;
mod tables;
mod words;

pub use decision::{Decision, Effect, Outcome, Spoken};
pub use engine::Engine;
pub use error::{Fault, LoadError};
pub use modes::{
    AccessMode, ApplicantKind, Clock, ClockStart, CutOffs, Duty, GpuHours, Offer, OfferState,
    Selection, Sourced, day_in_brussels,
};
pub use question::{
    Action, AllocationFacts, ApplicantFacts, EvidenceFact, ModeFacts, NeedFacts, OrganisationFacts,
    ProjectFacts, Question,
};
pub use routes::{Change, Cost, Route};
pub use rule::RuleInfo;
pub use tables::{Confidence, Due, EvidenceKindInfo, Holiday};
