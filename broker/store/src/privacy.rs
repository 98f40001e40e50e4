//! Personal data: where somebody is spoken of, what is held, and what is to be erased.

use async_trait::async_trait;
use broker_model::{AttemptId, Confirmation, HoldSubject, Invite, Job, JobId, PersonId};
use jiff::Timestamp;

use crate::{EntryRow, IdempotencyKey, Remembered, Session, StoreError, StoredDossier};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The issuer of whoever was erased; the subject is then the person's id. No real issuer is called so.
pub const ERASED_ISSUER: &str = "erased";

/// Keeps what belongs to somebody from being erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    pub subject: HoldSubject,
    /// For operators; it may name people, so the ledger has its digest alone.
    pub reason: String,
    pub set_at: Timestamp,
}

/// How far the erasure of a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredErasure {
    pub person: PersonId,
    /// When they asked for it themselves.
    pub asked_at: Option<Timestamp>,
    pub erased_at: Option<Timestamp>,
    /// Nothing of theirs waits for its time any more.
    pub settled: bool,
}

/// Where bytes of a log are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunkKey {
    pub stream: String,
    pub start_byte: u64,
}

/// What is asked seldom, by a person or an operator: some of it looks through a whole table.
#[async_trait]
pub trait Privacy: Send + Sync + 'static {
    /// With the anchors beside them, expired ones too.
    async fn sessions_of(&self, person: PersonId) -> Result<Vec<Session>>;
    async fn remembered_of(&self, person: PersonId) -> Result<Vec<(IdempotencyKey, Remembered)>>;
    /// Jobs that somebody handed in after one (`None`: from the first), oldest first. Costs by the number
    /// of all jobs.
    async fn jobs_owned_by(
        &self,
        person: PersonId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>>;
    /// Dossiers in whose document a text stands, by id. `%` and `_` in it stand for anything. Costs by the
    /// number of all dossiers.
    async fn dossiers_naming(
        &self,
        text: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>>;
    /// Those of a kind that lie on no desk, by id.
    async fn settled_dossiers(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>>;
    /// Entries from a position that name somebody, in order. Costs by the number of all entries.
    async fn entries_naming(
        &self,
        person: PersonId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<EntryRow>>;
    /// What somebody said to jobs that waited for their site, oldest job first.
    async fn confirmations_by(&self, person: PersonId) -> Result<Vec<Confirmation>>;
    /// Invites that somebody made for agents.
    async fn invites_by(&self, person: PersonId) -> Result<Vec<Invite>>;
    /// Every one in force, by whom they hold.
    async fn legal_holds(&self) -> Result<Vec<LegalHold>>;
    async fn find_erasure(&self, person: PersonId) -> Result<Option<StoredErasure>>;
    /// Those that are not settled: asked for, or done with something that waits for its time.
    async fn open_erasures(&self) -> Result<Vec<StoredErasure>>;
    /// Digests of files whose evidence is gone and that still lie in the object store.
    async fn file_removals(&self, limit: u32) -> Result<Vec<String>>;
    /// Lets go evidence of the table of before `0010_dossiers` whose dossier is gone; returns how many.
    async fn forget_old_evidence(&self) -> Result<u64>;
    async fn log_chunks_of(&self, attempt: AttemptId) -> Result<Vec<LogChunkKey>>;
}
