//! The repository traits. Lookups return `Option`; lists are keyset pages; nothing here takes the
//! time from anywhere but its arguments.

use std::fmt;

use async_trait::async_trait;
use broker_model::{
    AgentId, AgentKey, Allocation, AllocationId, Attempt, AttemptId, Confirmation, DecisionId,
    EnrolledAgent, GpuMillis, Invite, InviteId, Job, JobId, Organisation, OrganisationId, PersonId,
    Placement, Project, ProjectId, RegisteredSite, Role, SiteId, SiteSnapshot, SiteState,
    StateName, TermsAcceptance, UsageRecord, WindowId, WindowUse,
};
use jiff::Timestamp;

use crate::{
    AccountUse, Change, CommitError, Committed, EntryRow, IdempotencyKey, JobFilter, Page, Person,
    PolicyUse, Privacy, Remembered, Revocation, SealedBatch, Session, Signatories, StoreError,
    StoredCheckpoint, StoredDecision, StoredDossier, StoredPlacement, SystemUsed, Tile,
    UsageFilter, Used,
};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Everything the broker asks its database.
pub trait Store:
    Commits
    + Jobs
    + Attempts
    + Accounts
    + Dossiers
    + Identities
    + Usage
    + Sites
    + Agents
    + Ledger
    + Privacy
    + Signatories
    + fmt::Debug
{
}

impl<T> Store for T where
    T: Commits
        + Jobs
        + Attempts
        + Accounts
        + Dossiers
        + Identities
        + Usage
        + Sites
        + Agents
        + Ledger
        + Privacy
        + Signatories
        + fmt::Debug
{
}

#[async_trait]
pub trait Commits: Send + Sync + 'static {
    /// Makes a change durable; when this returns `Ok` a power cut no longer undoes it.
    ///
    /// Cancelling the future does not cancel the change.
    async fn commit(&self, change: Change) -> Result<Committed, CommitError>;

    /// Answers whether the database can be read and written.
    async fn ready(&self) -> Result<()>;
}

#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    async fn find_job(&self, id: JobId) -> Result<Option<Job>>;

    /// Those of them that are there, in no particular order.
    async fn find_jobs(&self, ids: &[JobId]) -> Result<Vec<Job>>;

    /// Attempts of active jobs at a site whose cancelling was asked for: what its agents must stop.
    /// Costs by the number of such jobs.
    async fn cancel_requests(&self, site: &SiteId) -> Result<Vec<AttemptId>>;

    /// The one that was handed in first.
    async fn first_job(&self, project: ProjectId) -> Result<Option<Job>>;

    /// Newest first.
    async fn list_jobs(&self, filter: &JobFilter, page: &Page<JobId>) -> Result<Vec<Job>>;

    /// Pending jobs after one (`None`: from the first), oldest first: what the placement loop tries
    /// again.
    async fn pending_jobs(&self, after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;

    /// Placed jobs of a site without an attempt after one (`None`: from the first), oldest first.
    /// Several replicas may see the same row; the versioned update that claims it succeeds for one of
    /// them.
    async fn placed_jobs(
        &self,
        site: &SiteId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>>;

    /// Jobs that wait for a person of a site after one (`None`: from the first), oldest first. Costs by
    /// the number of these.
    async fn held_jobs(&self, site: &SiteId, after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;

    /// What sites said to a job that waited for their confirmation, oldest first.
    async fn confirmations_of(&self, job: JobId) -> Result<Vec<Confirmation>>;

    /// How many active jobs are in each state, by site where they have one: for metrics. Costs by
    /// the number of active jobs, not of all.
    async fn count_active(&self) -> Result<Vec<(StateName, Option<SiteId>, u64)>>;

    /// The newest of a job.
    async fn find_placement(&self, job: JobId) -> Result<Option<Placement>>;

    /// Every placing of a job whose inputs were kept, oldest first.
    async fn placements_of(&self, job: JobId) -> Result<Vec<StoredPlacement>>;

    /// What placings rest on, by the SHA-256 that names it.
    async fn find_board_document(&self, sha256: &str) -> Result<Option<String>>;

    async fn find_decision(&self, id: DecisionId) -> Result<Option<StoredDecision>>;

    /// Decisions after one (`None`: from the first), by id.
    async fn decisions_after(
        &self,
        after: Option<DecisionId>,
        limit: u32,
    ) -> Result<Vec<StoredDecision>>;

    /// Every policy that decisions were made by, the latest first. Costs by the number of decisions.
    async fn policies_used(&self) -> Result<Vec<PolicyUse>>;

    async fn find_remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>>;

    /// Forgets idempotency keys older than this, but for people who are held; returns how many.
    async fn forget_keys(&self, before: Timestamp) -> Result<u64>;

    /// Stored log bytes of the job's newest attempt from an offset, at most `max_bytes`.
    async fn read_log(
        &self,
        job: JobId,
        stream: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>>;

    /// How many bytes of a stream of this attempt are stored.
    async fn log_length(&self, attempt: AttemptId, stream: &str) -> Result<u64>;
}

#[async_trait]
pub trait Attempts: Send + Sync + 'static {
    async fn find_attempt(&self, id: AttemptId) -> Result<Option<Attempt>>;

    async fn find_attempts(&self, ids: &[AttemptId]) -> Result<Vec<Attempt>>;

    /// Attempts of a job, oldest first.
    async fn attempts_of(&self, job: JobId) -> Result<Vec<Attempt>>;

    /// Attempts of a site that are not settled (running, ended and not yet metered, lost and not yet
    /// cancelled there), oldest first, after one (`None`: from the first): what a restarted agent
    /// resumes.
    async fn open_attempts(
        &self,
        site: &SiteId,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<Attempt>>;

    /// Those of [`Attempts::open_attempts`] that are this agent's or whose lease has run out by
    /// `now`. Costs by the number of these.
    async fn free_attempts(
        &self,
        site: &SiteId,
        agent: AgentId,
        now: Timestamp,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<Attempt>>;
}

#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    async fn find_organisation(&self, id: OrganisationId) -> Result<Option<Organisation>>;
    async fn organisation_by_domain(&self, domain: &str) -> Result<Option<Organisation>>;
    /// Those of them that are there, by id.
    async fn find_organisations(&self, ids: &[OrganisationId]) -> Result<Vec<Organisation>>;
    /// By id, newest first.
    async fn list_organisations(&self, page: &Page<OrganisationId>) -> Result<Vec<Organisation>>;
    /// By id, oldest first.
    async fn projects_of(&self, organisation: OrganisationId) -> Result<Vec<Project>>;
    async fn find_project(&self, id: ProjectId) -> Result<Option<Project>>;
    async fn find_allocation(&self, id: AllocationId) -> Result<Option<Allocation>>;
    /// Oldest first.
    async fn allocations_of(&self, project: ProjectId) -> Result<Vec<Allocation>>;
    /// Allocations whose term ends after `at`, those that have not begun too, the earliest end first. Costs by the
    /// number of these.
    async fn running_allocations(&self, at: Timestamp) -> Result<Vec<Allocation>>;
    /// Allocations whose term has ended by `at`, that hold nothing, and whose end is still to be
    /// dealt with, the earliest end first. Costs by the number of those that ended and are not dealt
    /// with, never by those that are.
    async fn ended_allocations(&self, at: Timestamp, limit: u32) -> Result<Vec<Allocation>>;
}

#[async_trait]
pub trait Dossiers: Send + Sync + 'static {
    async fn find_dossier(&self, id: &str) -> Result<Option<StoredDossier>>;
    /// Every one of a kind that an organisation has, by id.
    async fn dossiers_of(
        &self,
        organisation: OrganisationId,
        kind: &str,
    ) -> Result<Vec<StoredDossier>>;
    /// Those of a kind on a desk after one (`None`: from the first), by id. Costs by the number of these.
    async fn dossiers_on(
        &self,
        desk: &str,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>>;
    /// Those of a kind that are due by then, the earliest first. Costs by the number of all kinds that are.
    async fn dossiers_due(
        &self,
        kind: &str,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDossier>>;
    /// Those of a kind whose ids lie between two texts, by id: of ids that sort by time, what was made in a
    /// time. Costs by the number of these.
    async fn dossiers_between(
        &self,
        kind: &str,
        ids: (&str, &str),
        limit: u32,
    ) -> Result<Vec<StoredDossier>>;
    /// Who holds a name.
    async fn claim_holder(&self, name: &str) -> Result<Option<String>>;
    /// Names that begin so, with their holders, after one (`None`: from the first), by name. Costs by the
    /// number of all names: for what an operator does now and then.
    async fn claims_under(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, String)>>;
}

#[async_trait]
pub trait Identities: Send + Sync + 'static {
    async fn find_person(&self, id: PersonId) -> Result<Option<Person>>;
    /// Subjects compare as the issuer's rules say; `MyAccessID`'s without case, so callers normalize.
    async fn person_by_subject(&self, issuer: &str, subject: &str) -> Result<Option<Person>>;
    async fn grants_of(&self, person: PersonId) -> Result<Vec<Role>>;
    /// Whom this very role (of this project, this site, this share) is granted to.
    async fn holders_of(&self, role: &Role) -> Result<Vec<PersonId>>;
    /// A session that has not expired at `now`.
    async fn find_session(&self, id_hash: &str, now: Timestamp) -> Result<Option<Session>>;
    /// Forgets sessions that expired before this, but for people who are held; returns how many.
    async fn forget_sessions(&self, expired_before: Timestamp) -> Result<u64>;
    /// All of them: every replica reads them every second, and they are few.
    async fn revocations(&self) -> Result<Vec<Revocation>>;
    async fn find_revocation(&self, issuer: &str, subject: &str) -> Result<Option<Revocation>>;
    /// Every text of terms that somebody has accepted, by document and version.
    async fn terms_accepted_by(&self, person: PersonId) -> Result<Vec<TermsAcceptance>>;
}

#[async_trait]
pub trait Usage: Send + Sync + 'static {
    async fn usage_of(&self, job: JobId) -> Result<Vec<UsageRecord>>;
    /// What was used at a site since then by local accounts that no allocation names for it, or only one whose
    /// term was over when the job began; the latest first. Costs by the usage of that time and by the number of allocations.
    async fn unknown_accounts(&self, site: &SiteId, since: Timestamp) -> Result<Vec<AccountUse>>;
    /// What ended from one moment on and before another, added up by who used it and what that organisation was then. Costs by
    /// the number of records.
    async fn used_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Used>>;
    /// The same, added up by the system that it was used at. Costs by the number of records.
    async fn used_by_system(&self, from: Timestamp, to: Timestamp) -> Result<Vec<SystemUsed>>;
    /// Newest end first; the page goes by attempt id.
    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: &Page<AttemptId>,
    ) -> Result<Vec<UsageRecord>>;
}

#[async_trait]
pub trait Sites: Send + Sync + 'static {
    async fn site_states(&self) -> Result<Vec<SiteState>>;
    async fn site_snapshots(&self) -> Result<Vec<(SiteId, SiteSnapshot)>>;
    /// Which sites the registry has, and which version of each, by id: every replica asks every second.
    async fn registered_versions(&self) -> Result<Vec<(SiteId, i64)>>;
    async fn find_registered_site(&self, site: &SiteId) -> Result<Option<RegisteredSite>>;
    /// The version of the count of each site that ever counted a job by a window or a limit, and, under names
    /// that no site has, of those that counted hours by a ceiling, to be read before what is counted; see `Write::CountAt`.
    async fn site_counts(&self) -> Result<Vec<(SiteId, i64)>>;
    /// What is used and held in each window; one that nothing counts in is left out. Costs by the
    /// number of jobs that were placed in them.
    async fn window_uses(&self, windows: &[WindowId]) -> Result<Vec<(WindowId, WindowUse)>>;
    /// What an organisation used at a site in a month (`2026-11`), as charged.
    async fn organisation_gpu(
        &self,
        organisation: OrganisationId,
        site: &SiteId,
        month: &str,
    ) -> Result<GpuMillis>;
    /// Jobs of an organisation that are placed, queued or running at a site, in no particular order.
    /// Costs by the number of active jobs of its projects.
    async fn jobs_of_organisation(
        &self,
        organisation: OrganisationId,
        site: &SiteId,
    ) -> Result<Vec<Job>>;
}

/// Agents as they are enrolled; what they hold is in [`Attempts`].
#[async_trait]
pub trait Agents: Send + Sync + 'static {
    async fn find_invite(&self, id: InviteId) -> Result<Option<Invite>>;
    /// Newest first, 200 at most.
    async fn invites_of(&self, site: &SiteId) -> Result<Vec<Invite>>;
    async fn find_agent(&self, id: AgentId) -> Result<Option<EnrolledAgent>>;
    /// Newest first, 200 at most.
    async fn agents_of(&self, site: &SiteId) -> Result<Vec<EnrolledAgent>>;
    /// The key of this id with the agent whose it is. Asked at every request of an agent.
    async fn find_agent_key(&self, id: &str) -> Result<Option<(AgentKey, EnrolledAgent)>>;
    /// Keys of an agent, those that no longer count among them.
    async fn keys_of(&self, agent: AgentId) -> Result<Vec<AgentKey>>;
    /// When this key last said something, as long as its nonces are kept.
    async fn heard_at(&self, key: &str) -> Result<Option<Timestamp>>;
    /// Forgets nonces seen before this; returns how many.
    async fn forget_nonces(&self, before: Timestamp) -> Result<u64>;
}

#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Committed entries, sealed or not.
    async fn ledger_size(&self) -> Result<u64>;
    /// Entries from a position, in order.
    async fn entries(&self, from: u64, limit: u32) -> Result<Vec<EntryRow>>;
    /// Entries of a job after a position (`None`: from the first), in order.
    async fn entries_of(&self, job: JobId, after: Option<u64>, limit: u32)
    -> Result<Vec<EntryRow>>;
    async fn latest_checkpoint(&self) -> Result<Option<StoredCheckpoint>>;
    async fn checkpoint_at(&self, tree_size: u64) -> Result<Option<StoredCheckpoint>>;
    async fn find_tile(&self, level: u8, index: u64) -> Result<Option<Tile>>;
    /// Stores tiles and checkpoint in one transaction.
    async fn seal(&self, batch: SealedBatch) -> Result<(), CommitError>;
}
