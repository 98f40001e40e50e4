use std::sync::Arc;

use broker_model::{
    AgentKey, Allocation, AllocationId, Attempt, AttemptId, EnrolledAgent, EntryBody, GpuMillis,
    HoldSubject, Invite, Job, JobId, Organisation, PersonId, Project, RegisteredSite, SiteId,
    SiteSnapshot, SiteState, TermsAcceptance, UnitMillis, UsageRecord, WindowId,
};
use jiff::Timestamp;

use crate::{
    AgentNonce, IdempotencyKey, LegalHold, LogChunkKey, Person, Remembered, Revocation, Session,
    StoredConfirmation, StoredDecision, StoredDossier, StoredErasure, StoredGrant, StoredPlacement,
    StoredSignatoryList,
};

/// What is to be true afterwards, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub writes: Vec<Write>,
    /// Appended to the ledger in this order. Empty only for what is no state change of the domain
    /// (log bytes, sessions, snapshots).
    pub entries: Vec<EntryBody>,
}

/// One row, with what must still hold for it.
#[derive(Clone, Debug)]
pub enum Write {
    /// Fails with `Conflict(Job)` if the id is there. `job.version` is written as it is.
    InsertJob(Box<Job>),
    /// Fails with `Conflict(Job)` unless the stored version is `job.version`; stores `version + 1`.
    UpdateJob(Box<Job>),
    /// Adds to the placements of a job: one for each version of it. Fails with `Missing(Job)`.
    InsertPlacement(Box<StoredPlacement>),
    /// Keeps what placings rest on, once for all that share it.
    PutBoardDocument {
        sha256: Arc<str>,
        document: Arc<str>,
    },
    /// Adds what a site said to a job that waited for its confirmation; one for each version of it.
    InsertConfirmation(Box<StoredConfirmation>),
    /// Fails with `Duplicate(Decision)` if the id is there.
    InsertDecision(Box<StoredDecision>),
    /// Fails with `Conflict(Attempt)` if the id is there, or the job has one that is not over; with
    /// `Missing(Job)` if the job is not there. `attempt.version` is written as it is.
    InsertAttempt(Box<Attempt>),
    /// Fails with `Conflict(Attempt)` unless the stored version is `attempt.version`; stores
    /// `version + 1`. Fails likewise when it would be a second one of its job that is not over.
    UpdateAttempt(Box<Attempt>),
    /// Moves hours from remaining to held. Fails with `HoursExceeded` when fewer remain, and with
    /// `Conflict(Allocation)` when it is suspended: a suspension stops the very next job.
    Hold {
        allocation: AllocationId,
        amount: UnitMillis,
    },
    /// Moves hours from held back to remaining. Fails with `Conflict(Allocation)` when fewer are held.
    Release {
        allocation: AllocationId,
        amount: UnitMillis,
    },
    /// Takes `held` out of held and adds `used` to used; used may be more than held. What then no
    /// longer remains comes out of lost, as far as there is some. Fails with `Conflict(Allocation)`
    /// when fewer are held.
    Settle {
        allocation: AllocationId,
        held: UnitMillis,
        used: UnitMillis,
    },
    /// Changes what is granted. Fails with `Conflict(Allocation)` unless `from` is granted now, and
    /// with `Hours` when `to` is less than what is used, held and lost.
    Grant {
        allocation: AllocationId,
        from: UnitMillis,
        to: UnitMillis,
    },
    /// Declares lost what remains of an allocation whose term has ended by `at`, and takes it off the
    /// list of those whose end is to be dealt with. Fails with `Conflict(Allocation)` unless the
    /// term has ended, nothing is held, and `amount` is what remains (zero when it is overdrawn).
    Lose {
        allocation: AllocationId,
        amount: UnitMillis,
        at: Timestamp,
    },
    /// Moves hours from lost back to remaining. Fails with `Conflict(Allocation)` when fewer are lost.
    Recover {
        allocation: AllocationId,
        amount: UnitMillis,
    },
    /// Fails with `Duplicate(UsageRecord)` when the attempt has one: nothing is charged twice.
    InsertUsage(Box<UsageRecord>),
    /// Fails with `Duplicate(IdempotencyKey)` when the key is taken.
    Remember {
        key: IdempotencyKey,
        answer: Remembered,
    },
    /// Inserts or replaces. Fails with `Conflict(Organisation)` unless the stored version is
    /// `organisation.version`, 0 where none is stored; stores `version + 1`.
    PutOrganisation(Box<Organisation>),
    /// The same for what people work on, with `Conflict(Dossier)`.
    PutDossier(Box<StoredDossier>),
    /// Takes a name that one alone may have. Fails with `Duplicate(Claim)` when another holds it; who
    /// holds it already keeps it.
    Claim {
        name: String,
        holder: String,
    },
    /// Gives a name back; one that nobody holds is left as it is.
    Unclaim {
        name: String,
    },
    PutProject(Box<Project>),
    /// Inserts. Fails with `Conflict(Allocation)` if the id is there: balances change by the writes
    /// that move hours only.
    InsertAllocation(Box<Allocation>),
    /// Changes all but the balance of a stored allocation (term, suspension, local accounts). Its end
    /// is to be dealt with again. Fails with `Missing(Allocation)`.
    UpdateAllocationTerms(Box<Allocation>),
    /// Inserts, or updates name and address of the person with this issuer and subject. Fails with
    /// `Conflict(Person)` when issuer and subject belong to another person id, or the id to another
    /// subject.
    PutPerson(Box<Person>),
    /// Inserts; an equal grant is left as it is.
    PutGrant(StoredGrant),
    RemoveGrant(StoredGrant),
    /// Inserts or replaces. Fails with `Conflict(Site)` unless the stored version is `site.version`, 0
    /// where none is stored; stores `version + 1`.
    PutRegisteredSite(Box<RegisteredSite>),
    /// Says in which window a job is placed and what it takes of it at most; instead of any other.
    PutWindowUse {
        job: JobId,
        window: WindowId,
        gpu: GpuMillis,
    },
    /// Says that a job is placed at a site that counts it by a window or a limit, or, under a name of its own
    /// that no site has, that hours are given there out of a share that has a ceiling. Fails with `Conflict(SiteCount)` unless `version` is that of
    /// the count, 0 where nothing was counted yet: else two replicas that have read the same would fill one
    /// window or one share twice. Stores `version + 1`.
    CountAt {
        site: SiteId,
        version: i64,
    },
    /// The job is placed where no window counts it.
    RemoveWindowUse {
        job: JobId,
    },
    /// Inserts or replaces. Fails with `Conflict(SiteState)` unless the stored version is
    /// `state.version`, 0 where none is stored; stores `version + 1`.
    PutSiteState(Box<SiteState>),
    PutSiteSnapshot {
        site: SiteId,
        snapshot: Box<SiteSnapshot>,
    },
    /// Appends log bytes when `offset` is where the stored log ends; else it is ignored, since the
    /// agent repeats what it did not see acknowledged.
    AppendLog {
        job: JobId,
        attempt: AttemptId,
        stream: &'static str,
        offset: u64,
        bytes: Vec<u8>,
    },
    PutSession(Box<Session>),
    RemoveSession {
        id_hash: String,
    },
    /// Inserts or replaces that of this issuer and subject.
    PutRevocation(Box<Revocation>),
    RemoveRevocation {
        issuer: String,
        subject: String,
    },
    /// Fails with `Duplicate(TermsAcceptance)` when this person has accepted this text of this version.
    AcceptTerms(Box<TermsAcceptance>),
    /// Fails with `Conflict(Invite)` if the id is there; stores version 1 (give 0).
    InsertInvite(Box<Invite>),
    /// Fails with `Conflict(Invite)` unless the stored version is `invite.version`; stores
    /// `version + 1`.
    UpdateInvite(Box<Invite>),
    /// Fails with `Conflict(Agent)` if the id is there; stores version 1 (give 0).
    InsertAgent(Box<EnrolledAgent>),
    /// As an invite's, with `Conflict(Agent)`.
    UpdateAgent(Box<EnrolledAgent>),
    /// Fails with `Conflict(AgentKey)` if somebody has this key; stores version 1 (give 0).
    InsertAgentKey(Box<AgentKey>),
    /// As an invite's, with `Conflict(AgentKey)`.
    UpdateAgentKey(Box<AgentKey>),
    /// Fails with `Duplicate(Nonce)` when this key has said it before.
    InsertNonce(AgentNonce),
    /// Takes issuer, subject, name and address of somebody away for good; the id stays, and is nobody's
    /// any more. Fails with `Missing(Person)`.
    ErasePerson(PersonId),
    /// Forgets the first answer to a key.
    RemoveRemembered(IdempotencyKey),
    /// Fails with `Conflict(Dossier)` unless the stored version is this one.
    RemoveDossier {
        id: String,
        version: i64,
    },
    /// Takes away what a log's bytes lie in, and that there was a log.
    RemoveLog {
        attempt: AttemptId,
        chunks: Vec<LogChunkKey>,
    },
    /// Inserts or replaces. Whoever erases takes the name that goes with it ([`Write::Claim`]), so that
    /// no hold comes between what was read and the commit.
    PutLegalHold(LegalHold),
    RemoveLegalHold(HoldSubject),
    /// Inserts or replaces.
    PutErasure(StoredErasure),
    /// Keeps a list of signatories; an equal one of the same day is left as it is.
    PutSignatoryList(Box<StoredSignatoryList>),
    /// A file is to go from the object store.
    PutFileRemoval {
        sha256: String,
        decided_at: Timestamp,
    },
    RemoveFileRemoval {
        sha256: String,
    },
}

/// The receipt of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The ledger position of the change's first entry; `None` when it had none.
    pub first_seq: Option<u64>,
    /// How many changes shared the transaction.
    pub group_size: u32,
}
