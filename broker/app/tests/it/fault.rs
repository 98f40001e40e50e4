//! A store whose commits can be made to fail, before they are made or after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use broker_model::{
    AgentId, AgentKey, Allocation, AllocationId, Attempt, AttemptId, Confirmation, DecisionId,
    EnrolledAgent, GpuMillis, Invite, InviteId, Job, JobId, Organisation, OrganisationId, PersonId,
    Placement, Project, ProjectId, RegisteredSite, Role, Signatory, SignatoryList, SiteId,
    SiteSnapshot, SiteState, StateName, TermsAcceptance, UsageRecord, WindowId, WindowUse,
};
use broker_store::{
    AccountUse, Accounts, Agents, Attempts, Change, CommitError, Commits, Committed, Dossiers,
    EntryRow, IdempotencyKey, Identities, JobFilter, Jobs, Ledger, LegalHold, LogChunkKey, Page,
    Person, PolicyUse, Privacy, Remembered, Revocation, SealedBatch, Session, Signatories, Sites,
    SqlStore, StoreError, StoredCheckpoint, StoredDecision, StoredDossier, StoredErasure,
    StoredPlacement, SystemUsed, Tile, Usage, UsageFilter, Used,
};
use jiff::Timestamp;

type Result<T, E = StoreError> = std::result::Result<T, E>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The change is not made.
    Before,
    /// The change is made, and the answer is lost.
    After,
}

#[derive(Debug)]
struct Armed {
    commits_left: u32,
    fault: Fault,
    failed: bool,
}

type Meanwhile = futures::future::BoxFuture<'static, ()>;

pub(crate) struct FaultyStore {
    inner: SqlStore,
    armed: Mutex<Option<Armed>>,
    meanwhile: Mutex<VecDeque<Meanwhile>>,
    reads: AtomicU64,
}

impl std::fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyStore").finish_non_exhaustive()
    }
}

impl FaultyStore {
    pub(crate) fn over(inner: SqlStore) -> Self {
        Self {
            inner,
            armed: Mutex::default(),
            meanwhile: Mutex::default(),
            reads: AtomicU64::new(0),
        }
    }

    /// Lets something happen before the next commit, after whatever it rests on was read; what is said after that
    /// before the one after it.
    pub(crate) fn meanwhile(&self, it: impl Future<Output = ()> + Send + 'static) {
        self.meanwhile.lock().unwrap().push_back(Box::pin(it));
    }

    /// Lets so many commits through; all after them fail.
    pub(crate) fn fail_after(&self, commits: u32, fault: Fault) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Armed {
            commits_left: commits,
            fault,
            failed: false,
        });
    }

    /// Returns whether a commit has failed.
    pub(crate) fn mend(&self) -> bool {
        let armed = self
            .armed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        armed.is_some_and(|armed| armed.failed)
    }

    /// How many reads there were so far.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn fault(&self) -> Option<Fault> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = armed.as_mut()?;
        if armed.commits_left > 0 {
            armed.commits_left -= 1;
            return None;
        }
        armed.failed = true;
        Some(armed.fault)
    }
}

#[async_trait]
impl Commits for FaultyStore {
    async fn commit(&self, change: Change) -> Result<Committed, CommitError> {
        let meanwhile = self.meanwhile.lock().unwrap().pop_front();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        let gone = || StoreError::Unavailable("the test has cut the line".to_owned()).into();
        match self.fault() {
            Some(Fault::Before) => Err(gone()),
            Some(Fault::After) => {
                self.inner.commit(change).await?;
                Err(gone())
            }
            None => self.inner.commit(change).await,
        }
    }

    async fn ready(&self) -> Result<()> {
        self.inner.ready().await
    }
}

macro_rules! as_inside {
    ($trait:ident { $(fn $name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)* }) => {
        #[async_trait]
        impl $trait for FaultyStore {
            $(async fn $name(&self, $($arg: $ty),*) -> $out {
                self.reads.fetch_add(1, Ordering::Relaxed);
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

as_inside! { Jobs {
    fn find_job(id: JobId) -> Result<Option<Job>>;
    fn find_jobs(ids: &[JobId]) -> Result<Vec<Job>>;
    fn cancel_requests(site: &SiteId) -> Result<Vec<AttemptId>>;
    fn first_job(project: ProjectId) -> Result<Option<Job>>;
    fn list_jobs(filter: &JobFilter, page: &Page<JobId>) -> Result<Vec<Job>>;
    fn pending_jobs(after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;
    fn placed_jobs(site: &SiteId, after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;
    fn count_active() -> Result<Vec<(StateName, Option<SiteId>, u64)>>;
    fn find_placement(job: JobId) -> Result<Option<Placement>>;
    fn placements_of(job: JobId) -> Result<Vec<StoredPlacement>>;
    fn find_board_document(sha256: &str) -> Result<Option<String>>;
    fn find_decision(id: DecisionId) -> Result<Option<StoredDecision>>;
    fn decisions_after(after: Option<DecisionId>, limit: u32) -> Result<Vec<StoredDecision>>;
    fn policies_used() -> Result<Vec<PolicyUse>>;
    fn find_remembered(key: &IdempotencyKey) -> Result<Option<Remembered>>;
    fn forget_keys(before: Timestamp) -> Result<u64>;
    fn read_log(job: JobId, stream: &str, offset: u64, max_bytes: usize) -> Result<Vec<u8>>;
    fn log_length(attempt: AttemptId, stream: &str) -> Result<u64>;
    fn held_jobs(site: &SiteId, after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;
    fn confirmations_of(job: JobId) -> Result<Vec<Confirmation>>;
}}

as_inside! { Attempts {
    fn find_attempt(id: AttemptId) -> Result<Option<Attempt>>;
    fn find_attempts(ids: &[AttemptId]) -> Result<Vec<Attempt>>;
    fn attempts_of(job: JobId) -> Result<Vec<Attempt>>;
    fn open_attempts(site: &SiteId, after: Option<AttemptId>, limit: u32) -> Result<Vec<Attempt>>;
    fn free_attempts(site: &SiteId, agent: AgentId, now: Timestamp, after: Option<AttemptId>, limit: u32) -> Result<Vec<Attempt>>;
}}

as_inside! { Accounts {
    fn find_organisation(id: OrganisationId) -> Result<Option<Organisation>>;
    fn organisation_by_domain(domain: &str) -> Result<Option<Organisation>>;
    fn find_organisations(ids: &[OrganisationId]) -> Result<Vec<Organisation>>;
    fn list_organisations(page: &Page<OrganisationId>) -> Result<Vec<Organisation>>;
    fn projects_of(organisation: OrganisationId) -> Result<Vec<Project>>;
    fn find_project(id: ProjectId) -> Result<Option<Project>>;
    fn find_allocation(id: AllocationId) -> Result<Option<Allocation>>;
    fn allocations_of(project: ProjectId) -> Result<Vec<Allocation>>;
    fn ended_allocations(at: Timestamp, limit: u32) -> Result<Vec<Allocation>>;
    fn running_allocations(at: Timestamp) -> Result<Vec<Allocation>>;
}}

as_inside! { Dossiers {
    fn find_dossier(id: &str) -> Result<Option<StoredDossier>>;
    fn dossiers_of(organisation: OrganisationId, kind: &str) -> Result<Vec<StoredDossier>>;
    fn dossiers_on(desk: &str, kind: &str, after: Option<&str>, limit: u32) -> Result<Vec<StoredDossier>>;
    fn dossiers_due(kind: &str, at: Timestamp, limit: u32) -> Result<Vec<StoredDossier>>;
    fn dossiers_between(kind: &str, ids: (&str, &str), limit: u32) -> Result<Vec<StoredDossier>>;
    fn claim_holder(name: &str) -> Result<Option<String>>;
    fn claims_under(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, String)>>;
}}

as_inside! { Identities {
    fn find_person(id: PersonId) -> Result<Option<Person>>;
    fn person_by_subject(issuer: &str, subject: &str) -> Result<Option<Person>>;
    fn grants_of(person: PersonId) -> Result<Vec<Role>>;
    fn holders_of(role: &Role) -> Result<Vec<PersonId>>;
    fn find_session(id_hash: &str, now: Timestamp) -> Result<Option<Session>>;
    fn forget_sessions(expired_before: Timestamp) -> Result<u64>;
    fn revocations() -> Result<Vec<Revocation>>;
    fn find_revocation(issuer: &str, subject: &str) -> Result<Option<Revocation>>;
    fn terms_accepted_by(person: PersonId) -> Result<Vec<TermsAcceptance>>;
}}

as_inside! { Privacy {
    fn sessions_of(person: PersonId) -> Result<Vec<Session>>;
    fn remembered_of(person: PersonId) -> Result<Vec<(IdempotencyKey, Remembered)>>;
    fn jobs_owned_by(person: PersonId, after: Option<JobId>, limit: u32) -> Result<Vec<Job>>;
    fn dossiers_naming(text: &str, after: Option<&str>, limit: u32) -> Result<Vec<StoredDossier>>;
    fn settled_dossiers(kind: &str, after: Option<&str>, limit: u32) -> Result<Vec<StoredDossier>>;
    fn entries_naming(person: PersonId, from: u64, limit: u32) -> Result<Vec<EntryRow>>;
    fn confirmations_by(person: PersonId) -> Result<Vec<Confirmation>>;
    fn invites_by(person: PersonId) -> Result<Vec<Invite>>;
    fn legal_holds() -> Result<Vec<LegalHold>>;
    fn find_erasure(person: PersonId) -> Result<Option<StoredErasure>>;
    fn open_erasures() -> Result<Vec<StoredErasure>>;
    fn file_removals(limit: u32) -> Result<Vec<String>>;
    fn forget_old_evidence() -> Result<u64>;
    fn log_chunks_of(attempt: AttemptId) -> Result<Vec<LogChunkKey>>;
}}

as_inside! { Signatories {
    fn signatory_lists() -> Result<Vec<SignatoryList>>;
    fn signatories_on(list: &SignatoryList) -> Result<Option<Vec<Signatory>>>;
}}

as_inside! { Agents {
    fn find_invite(id: InviteId) -> Result<Option<Invite>>;
    fn invites_of(site: &SiteId) -> Result<Vec<Invite>>;
    fn find_agent(id: AgentId) -> Result<Option<EnrolledAgent>>;
    fn agents_of(site: &SiteId) -> Result<Vec<EnrolledAgent>>;
    fn find_agent_key(id: &str) -> Result<Option<(AgentKey, EnrolledAgent)>>;
    fn keys_of(agent: AgentId) -> Result<Vec<AgentKey>>;
    fn heard_at(key: &str) -> Result<Option<Timestamp>>;
    fn forget_nonces(before: Timestamp) -> Result<u64>;
}}

as_inside! { Usage {
    fn usage_of(job: JobId) -> Result<Vec<UsageRecord>>;
    fn unknown_accounts(site: &SiteId, since: Timestamp) -> Result<Vec<AccountUse>>;
    fn used_by_system(from: Timestamp, to: Timestamp) -> Result<Vec<SystemUsed>>;
    fn used_between(from: Timestamp, to: Timestamp) -> Result<Vec<Used>>;
    fn list_usage(filter: &UsageFilter, page: &Page<AttemptId>) -> Result<Vec<UsageRecord>>;
}}

as_inside! { Sites {
    fn site_states() -> Result<Vec<SiteState>>;
    fn site_snapshots() -> Result<Vec<(SiteId, SiteSnapshot)>>;
    fn registered_versions() -> Result<Vec<(SiteId, i64)>>;
    fn find_registered_site(site: &SiteId) -> Result<Option<RegisteredSite>>;
    fn site_counts() -> Result<Vec<(SiteId, i64)>>;
    fn window_uses(windows: &[WindowId]) -> Result<Vec<(WindowId, WindowUse)>>;
    fn organisation_gpu(organisation: OrganisationId, site: &SiteId, month: &str) -> Result<GpuMillis>;
    fn jobs_of_organisation(organisation: OrganisationId, site: &SiteId) -> Result<Vec<Job>>;
}}

as_inside! { Ledger {
    fn ledger_size() -> Result<u64>;
    fn entries(from: u64, limit: u32) -> Result<Vec<EntryRow>>;
    fn entries_of(job: JobId, after: Option<u64>, limit: u32) -> Result<Vec<EntryRow>>;
    fn latest_checkpoint() -> Result<Option<StoredCheckpoint>>;
    fn checkpoint_at(tree_size: u64) -> Result<Option<StoredCheckpoint>>;
    fn find_tile(level: u8, index: u64) -> Result<Option<Tile>>;
    fn seal(batch: SealedBatch) -> Result<(), CommitError>;
}}
