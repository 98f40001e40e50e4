//! The nouns of Alcyone: ids, jobs and attempts with their states, sites, allocations, usage.
//!
//! No I/O and no async. Time and randomness are arguments ([`Clock`], [`Ids`]), so that every
//! decision made from these types can be made again later with the same result.

mod accounts;
mod agent;
mod ai_act;
mod aid;
mod application;
mod attempt;
mod clock;
mod confirmation;
mod contact;
mod country;
mod dossier;
mod event;
mod evidence;
mod follow_up;
mod handoff;
mod hold;
mod ids;
mod indicator;
mod invitation;
mod job;
mod missing;
mod objective;
mod organisation;
mod placement;
mod principal;
mod profile;
mod reason;
mod referral;
mod signatories;
mod site;
mod snapshot;
mod spec;
#[cfg(test)]
mod states_page;
mod terms;
mod units;
mod usage;
mod ways;

pub use accounts::{Allocation, AllocationScope, Balance, FundingShare, Project, SettledRule};
pub use agent::{
    AgentKey, AgentRevoked, EnrolledAgent, Invite, InviteFate, InviteState, WRONG_PROOFS,
};
pub use ai_act::AiAct;
pub use aid::{AidRecord, ApplicationAid};
pub use application::{
    Application, ApplicationDraft, ApplicationDue, ApplicationNeed, ApplicationProject,
    ApplicationState, ApplicationVerdict, Given, GrantDraft, GrantScope, Ruling, RulingDraft,
};
pub use attempt::{Attempt, AttemptEvent, AttemptState, Outcome, OutcomeKind};
pub use clock::{Clock, ManualClock, SystemClock};
pub use confirmation::{Confirmation, ConfirmationView, Ground, Verdict};
pub use contact::{ContactNeed, DataClass, Timing};
pub use country::is_country;
pub use dossier::{Desk, Dossier};
pub use event::{EntryBody, EntryKind};
pub use evidence::{
    AnnouncedFile, Evidence, EvidenceCheck, EvidenceDraft, EvidenceFile, EvidenceFinding,
    EvidenceKind, ScreeningDraft, ScreeningOutcome,
};
pub use follow_up::{
    FollowUp, FollowUpReminder, FollowUpReopened, FollowUpState, FulfilmentDraft, ReopeningDraft,
    WaiverDraft,
};
pub use handoff::{HandoffRef, HandoffView};
pub use hold::HoldSubject;
pub use ids::{
    AgentId, AidId, AllocationId, ApplicationId, AttemptId, CentreId, DecisionId, DrainId,
    EvidenceId, FollowUpId, Ids, IncidentId, InstanceId, InvalidId, InvitationId, InviteId, JobId,
    ObjectiveId, OrganisationId, PartitionId, PartitionRef, PersonId, ProfileId, ProjectId,
    ReferralId, RemoteId, SiteId, SystemId, TermsId, VetoId, WindowId,
};
pub use indicator::{AccessTimes, Indicators, Spread, UsedPart};
pub use invitation::{
    DEFAULT_INVITATION_DAYS, Invitation, InvitationDraft, InvitationState, InvitationStateName,
    InvitedRole, LONGEST_INVITATION_DAYS, MembersOf, Settled,
};
pub use job::{
    Hold, HoldReason, InvalidTransition, Job, JobEvent, JobState, Ran, Refusal, StateName,
};
pub use missing::{Missing, MissingFrom, MissingKind};
pub use objective::{IndicatorKind, Objective, ObjectiveDraft, ObjectiveView};
pub use organisation::{Identifiers, Organisation, OrganisationDraft, OrganisationKind, SizeClass};
pub use placement::{
    Bound, Candidate, Clause, Considered, Forecast, Placement, Rejection, ShutSystems,
};
pub use principal::{Assurance, Entitlement, Grant, IdentityAssurance, Principal, Role};
pub use profile::{Interest, Profile, ProfileDraft, ProfileSide};
pub use reason::{LONGEST_REASON, checked_reason, turns_writing};
pub use referral::{
    Referral, ReferralDraft, ReferralDue, ReferralEvent, ReferralJob, ReferralLeg, ReferralLog,
    ReferralMove, ReferralOutcome, ReferralPlacement, ReferralState, ReferralStep,
};
pub use signatories::{PLEDGE_EVIDENCE, Signatory, SignatoryHint, SignatoryList};
pub use site::{
    Access, AgentWord, Automation, Billed, Billing, BillingTerm, CapacityWindow, Confidence,
    Contact, ContainerTarget, ControlId, Controls, Drain, DrainDraft, Entrance, Factory, Funding,
    Incident, IncidentDraft, IncidentKind, IncidentNews, IncidentUpdate, LimitDraft,
    OrganisationLimit, OrganisationUse, OrganisationVeto, OrganisationVetoDraft, Partition,
    PartitionRules, Qos, QueuedJobs, RegisteredSite, Route, Severity, Site, SiteReadiness,
    SiteScope, SiteState, Sourced, Storage, StorageArea, System, SystemHeard, SystemStatus, Tally,
    Uncertain, UncertainOf, Veto, VetoDraft, WindowDraft, WindowEnd, WindowUse, Zones, ZonesSource,
};
pub use snapshot::{GpuCount, PartitionSnapshot, SiteSnapshot};
pub use spec::{
    After, AfterWhen, ArraySpec, DataNeeds, InvalidSpec, JobSpec, PlacementWishes, Resources,
    Sensitivity, Variant, Walltime,
};
pub use terms::{
    TermsAcceptance, TermsDocument, TermsDraft, TermsScope, TermsText, UnacceptedTerms,
};
pub use units::{GpuMillis, UnitMillis};
pub use usage::{Charge, OrganisationWas, UsageRecord};
pub use ways::{Ways, folded_ways};
