use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    AllocationId, AttemptId, DecisionId, JobId, OrganisationId, PersonId, ProjectId, SiteId,
};

/// What the ledger keeps of one state change: ids and numbers, never a name or an address.
///
/// The bytes that are hashed are the JSON as it was first written; it is never written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    pub at: Timestamp,
    pub kind: EntryKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<AllocationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// What else matters, by kind: digests, amounts in unit-milliseconds, states.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, serde_json::Value>,
}

impl EntryBody {
    pub fn new(at: Timestamp, kind: EntryKind) -> Self {
        Self {
            at,
            kind,
            actor: None,
            organisation: None,
            project: None,
            allocation: None,
            decision: None,
            job: None,
            attempt: None,
            site: None,
            data: BTreeMap::new(),
        }
    }

    /// Adds a datum; the caller sees to it that it is pseudonymous.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.data.insert(key.to_owned(), value.into());
        self
    }

    /// The same where there is one; nothing stands in its place where there is none.
    #[must_use]
    pub fn with_any(self, key: &str, value: Option<impl Into<serde_json::Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    #[serde(rename = "person.first_seen")]
    PersonFirstSeen,
    #[serde(rename = "login.failed")]
    LoginFailed,
    #[serde(rename = "organisation.registered")]
    OrganisationRegistered,
    #[serde(rename = "organisation.changed")]
    OrganisationChanged,
    #[serde(rename = "evidence.added")]
    EvidenceAdded,
    /// A file was handed in with it; `file_sha256` is of its bytes.
    #[serde(rename = "evidence.file_added")]
    EvidenceFileAdded,
    /// A reviewer accepted or refused it.
    #[serde(rename = "evidence.checked")]
    EvidenceChecked,
    #[serde(rename = "evidence.withdrawn")]
    EvidenceWithdrawn,
    #[serde(rename = "application.submitted")]
    ApplicationSubmitted,
    #[serde(rename = "application.withdrawn")]
    ApplicationWithdrawn,
    /// By a person; `outcome` is `accepted` or `rejected`.
    #[serde(rename = "application.decided")]
    ApplicationDecided,
    /// To a centre, which the data names; a job that failed may be what it began with.
    #[serde(rename = "referral.sent")]
    ReferralSent,
    /// By the centre; `answer` is `acknowledged`, `accepted` or `declined`.
    #[serde(rename = "referral.answered")]
    ReferralAnswered,
    #[serde(rename = "referral.handed_over")]
    ReferralHandedOver,
    /// With an `outcome`; by the centre, or by the organisation that took it back.
    #[serde(rename = "referral.closed")]
    ReferralClosed,
    /// An organisation lets itself be matched, or says otherwise what it looks for.
    #[serde(rename = "profile.published")]
    ProfilePublished,
    #[serde(rename = "profile.withdrawn")]
    ProfileWithdrawn,
    /// One half of the consent that two organisations need to learn who the other is.
    #[serde(rename = "interest.recorded")]
    InterestRecorded,
    #[serde(rename = "interest.withdrawn")]
    InterestWithdrawn,
    /// National hours that are de minimis aid, with what they are worth.
    #[serde(rename = "aid.recorded")]
    AidRecorded,
    /// Something is owed after an allocation from now on; `due_on` is the last day, where there is one.
    #[serde(rename = "follow_up.opened")]
    FollowUpOpened,
    /// By the broker, `days_before` the last day, once each.
    #[serde(rename = "follow_up.reminded")]
    FollowUpReminded,
    #[serde(rename = "follow_up.fulfilled")]
    FollowUpFulfilled,
    /// By a reviewer: it is not owed any more.
    #[serde(rename = "follow_up.waived")]
    FollowUpWaived,
    /// The end of the hours was moved, and its last day with it; `due_on` is the last day from now on.
    #[serde(rename = "follow_up.moved")]
    FollowUpMoved,
    /// By a reviewer: it is owed again, or has another last day.
    #[serde(rename = "follow_up.reopened")]
    FollowUpReopened,
    /// A target with its baseline and period; nothing changes it from then on.
    #[serde(rename = "objective.set")]
    ObjectiveSet,
    #[serde(rename = "project.created")]
    ProjectCreated,
    /// What the person (`actor`) was given until then no longer counts.
    #[serde(rename = "access.revoked")]
    AccessRevoked,
    #[serde(rename = "access.restored")]
    AccessRestored,
    /// Name, address, issuer and subject of the person (`actor`) are gone; counts say what else is.
    #[serde(rename = "person.erased")]
    PersonErased,
    /// By the person themselves; an operator carries it out.
    #[serde(rename = "person.erasure_requested")]
    ErasureRequested,
    /// By the person themselves, before it was carried out.
    #[serde(rename = "person.erasure_withdrawn")]
    ErasureWithdrawn,
    /// Nothing of a person or an organisation is erased while it stands; `reason_sha256` is of the words.
    #[serde(rename = "legal_hold.set")]
    HoldSet,
    #[serde(rename = "legal_hold.lifted")]
    HoldLifted,
    /// What was kept for its time is gone, with counts by class.
    #[serde(rename = "retention.applied")]
    RetentionApplied,
    /// A dated list of who signed the AI Pact, by its digest; no decision rests on it.
    #[serde(rename = "signatories.imported")]
    SignatoriesImported,
    #[serde(rename = "role.granted")]
    RoleGranted,
    #[serde(rename = "role.removed")]
    RoleRemoved,
    /// Somebody may come in by a code; whom it is meant for is not said here.
    #[serde(rename = "invitation.made")]
    InvitationMade,
    #[serde(rename = "invitation.revoked")]
    InvitationRevoked,
    /// With its `share` and the `mode` that gave it; no mode where nobody knows it, nor in entries of before it was entered.
    #[serde(rename = "allocation.granted")]
    AllocationGranted,
    /// Its term, suspension or local accounts are others; its hours have entries of their own.
    #[serde(rename = "allocation.changed")]
    AllocationChanged,
    /// More or fewer hours are granted than before.
    #[serde(rename = "grant.changed")]
    GrantChanged,
    /// The term has ended, and what was left of it is lost.
    #[serde(rename = "hours.lost")]
    HoursLost,
    /// The term goes on after all, and what was lost with its end is there again.
    #[serde(rename = "hours.recovered")]
    HoursRecovered,
    #[serde(rename = "eligibility.decided")]
    EligibilityDecided,
    /// Another policy set decides from now on, at the replica that says so.
    #[serde(rename = "policy.changed")]
    PolicyChanged,
    /// A version that was in force, by a person (`actor`); `text_sha256` names what they read.
    #[serde(rename = "terms.accepted")]
    TermsAccepted,
    #[serde(rename = "job.accepted")]
    JobAccepted,
    #[serde(rename = "job.placed")]
    JobPlaced,
    #[serde(rename = "job.state_changed")]
    JobStateChanged,
    #[serde(rename = "job.cancel_requested")]
    JobCancelRequested,
    /// A person of the site confirmed or declined it, or nobody answered in time.
    #[serde(rename = "job.confirmation")]
    JobConfirmation,
    /// Its script was fetched for the first time, to be handed in by a person.
    #[serde(rename = "job.handoff_prepared")]
    JobHandoffPrepared,
    /// A person told what became of it; `by` says for whom they spoke.
    #[serde(rename = "job.handoff_reported")]
    JobHandoffReported,
    #[serde(rename = "attempt.leased")]
    AttemptLeased,
    #[serde(rename = "attempt.state_changed")]
    AttemptStateChanged,
    /// With the `share` and the `mode` of the record, which says the rest; no mode as with the allocation.
    #[serde(rename = "usage.charged")]
    UsageCharged,
    /// An attempt is closed without a charge; `reason` says why, and what the site told goes with it.
    #[serde(rename = "usage.uncharged")]
    UsageUncharged,
    #[serde(rename = "hold.released")]
    HoldReleased,
    #[serde(rename = "site.state_changed")]
    SiteStateChanged,
    #[serde(rename = "agent.invited")]
    AgentInvited,
    #[serde(rename = "agent.invite_withdrawn")]
    AgentInviteWithdrawn,
    /// So many wrong proofs were sent for an invite that it is good for nothing now.
    #[serde(rename = "agent.invite_blocked")]
    AgentInviteBlocked,
    #[serde(rename = "agent.enrolled")]
    AgentEnrolled,
    #[serde(rename = "agent.rotated")]
    AgentRotated,
    #[serde(rename = "agent.revoked")]
    AgentRevoked,
    /// A site is new in the registry; `document_sha256` names what was said of it.
    #[serde(rename = "site.registered")]
    SiteRegistered,
    #[serde(rename = "site.changed")]
    SiteChanged,
    /// Taken out of the federation; it never had a job.
    #[serde(rename = "site.retired")]
    SiteRetired,
    #[serde(rename = "window.opened")]
    WindowOpened,
    /// Ended before its time, or taken back as if it had never been.
    #[serde(rename = "window.closed")]
    WindowClosed,
    #[serde(rename = "site.drained")]
    SiteDrained,
    #[serde(rename = "site.undrained")]
    SiteUndrained,
    #[serde(rename = "incident.opened")]
    IncidentOpened,
    #[serde(rename = "incident.updated")]
    IncidentUpdated,
    #[serde(rename = "incident.closed")]
    IncidentClosed,
    #[serde(rename = "grant.vetoed")]
    GrantVetoed,
    #[serde(rename = "veto.lifted")]
    VetoLifted,
    #[serde(rename = "organisation.vetoed")]
    OrganisationVetoed,
    #[serde(rename = "limit.set")]
    LimitSet,
}
