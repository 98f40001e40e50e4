//! The nouns of Alcyone: ids, jobs and attempts with their states, sites, allocations, usage.
//!
//! No I/O and no async. Time and randomness are arguments ([`Clock`], [`Ids`]), so that every
//! decision made from these types can be made again later with the same result.

mod accounts;
mod agent;
mod attempt;
mod clock;
mod confirmation;
mod country;
mod event;
mod handoff;
mod ids;
mod job;
mod organisation;
mod placement;
mod principal;
mod reason;
mod site;
mod snapshot;
mod spec;
#[cfg(test)]
mod states_page;
mod units;
mod usage;

pub use accounts::{Allocation, AllocationScope, Balance, FundingShare, Project};
pub use agent::{
    AgentKey, AgentRevoked, EnrolledAgent, Invite, InviteFate, InviteState, WRONG_PROOFS,
};
pub use attempt::{Attempt, AttemptEvent, AttemptState, Outcome, OutcomeKind};
pub use clock::{Clock, ManualClock, SystemClock};
pub use confirmation::{Confirmation, ConfirmationView, Ground, Verdict};
pub use country::is_country;
pub use event::{EntryBody, EntryKind};
pub use handoff::{HandoffRef, HandoffView};
pub use ids::{
    AgentId, AllocationId, AttemptId, DecisionId, DrainId, Ids, IncidentId, InstanceId, InvalidId,
    InviteId, JobId, OrganisationId, PartitionId, PartitionRef, PersonId, ProjectId, RemoteId,
    SiteId, SystemId, VetoId, WindowId,
};
pub use job::{
    Hold, HoldReason, InvalidTransition, Job, JobEvent, JobState, Ran, Refusal, StateName,
};
pub use organisation::{Evidence, EvidenceKind, Organisation, SizeClass};
pub use placement::{Bound, Candidate, Clause, Considered, Forecast, Placement, Rejection};
pub use principal::{Assurance, Entitlement, Grant, IdentityAssurance, Principal, Role};
pub use reason::{LONGEST_REASON, checked_reason};
pub use site::{
    Access, AgentWord, Automation, Billed, Billing, BillingTerm, CapacityWindow, Contact,
    ContainerTarget, ControlId, Controls, Drain, DrainDraft, Entrance, Factory, Funding, Incident,
    IncidentDraft, IncidentKind, IncidentNews, IncidentUpdate, LimitDraft, OrganisationLimit,
    OrganisationUse, Partition, PartitionRules, Qos, QueuedJobs, RegisteredSite, Route, Severity,
    Site, SiteReadiness, SiteScope, SiteState, Sourced, Storage, StorageArea, System, SystemHeard,
    SystemStatus, Tally, Veto, VetoDraft, WindowDraft, WindowEnd, WindowUse, Zones,
};
pub use snapshot::{GpuCount, PartitionSnapshot, SiteSnapshot};
pub use spec::{
    After, AfterWhen, ArraySpec, DataNeeds, InvalidSpec, JobSpec, PlacementWishes, Resources,
    Sensitivity, Variant, Walltime,
};
pub use units::{GpuMillis, UnitMillis};
pub use usage::{Charge, UsageRecord};
