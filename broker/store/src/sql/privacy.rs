use async_trait::async_trait;
use broker_model::{AttemptId, Confirmation, Invite, Job, JobId, PersonId};
use jiff::Timestamp;

use super::SqlStore;
use super::committer::Forgettable;
use super::db::Kind::{self, Int, Text};
use super::db::{Cell, Row, Select};
use super::rows::{self, LARGEST_PAGE};
use super::{dossiers, identities, jobs, ledger};
use crate::{
    EntryRow, IdempotencyKey, LegalHold, LogChunkKey, Privacy, Remembered, Session, StoreError,
    StoredDossier, StoredErasure,
};

const SESSIONS: Select = Select::new(
    "sessions",
    "SELECT id_hash, person_id, principal, issuer_session, created_at_us, expires_at_us \
     FROM sessions WHERE person_id = $1 ORDER BY created_at_us, id_hash",
    &[Text, Text, Text, Text, Int, Int],
);
/// A person's id has 36 characters, and the key comes after a space.
const REMEMBERED: Select = Select::new(
    "remembered",
    "SELECT request_sha256, status, body, created_at_us, SUBSTR(id, 38) FROM remembered \
     WHERE SUBSTR(id, 1, 36) = $1 ORDER BY created_at_us, id",
    &[Text, Int, Text, Int, Text],
);
const JOBS: Select = Select::new(
    "jobs",
    "SELECT document FROM jobs WHERE id > $2 AND document LIKE $1 ORDER BY id LIMIT $3",
    &[Text],
);
const DOSSIER_COLUMNS: &[Kind] = &[Text, Text, Text, Text, Int, Int, Text];
const NAMING: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE id > $2 AND document LIKE $1 ORDER BY id LIMIT $3",
    DOSSIER_COLUMNS,
);
pub(super) const SETTLED: Select = Select::new(
    "dossiers",
    "SELECT id, kind, organisation_id, desk, due_at_us, version, document FROM dossiers \
     WHERE kind = $1 AND desk IS NULL AND id > $2 ORDER BY id LIMIT $3",
    DOSSIER_COLUMNS,
);
const ENTRIES: Select = Select::new(
    "ledger_entries",
    "SELECT seq, job_id, text FROM ledger_entries WHERE seq >= $2 AND text LIKE $1 \
     ORDER BY seq LIMIT $3",
    &[Int, Text, Text],
);
const CONFIRMATIONS: Select = Select::new(
    "confirmations",
    "SELECT document FROM confirmations WHERE document LIKE $1 ORDER BY job_id, job_version",
    &[Text],
);
const INVITES: Select = Select::new(
    "agent_invites",
    "SELECT document FROM agent_invites WHERE document LIKE $1 ORDER BY id",
    &[Text],
);
const HOLDS: Select = Select::new(
    "holds",
    "SELECT id, reason, set_at_us FROM holds ORDER BY id",
    &[Text, Text, Int],
);
const ERASURE_COLUMNS: &[Kind] = &[Text, Int, Int, Int];
const ERASURE: Select = Select::new(
    "erasures",
    "SELECT person_id, asked_at_us, erased_at_us, settled FROM erasures WHERE person_id = $1",
    ERASURE_COLUMNS,
);
const OPEN_ERASURES: Select = Select::new(
    "erasures",
    "SELECT person_id, asked_at_us, erased_at_us, settled FROM erasures WHERE settled = 0 \
     ORDER BY person_id",
    ERASURE_COLUMNS,
);
const FILE_REMOVALS: Select = Select::new(
    "file_removals",
    "SELECT sha256 FROM file_removals ORDER BY sha256 LIMIT $1",
    &[Text],
);
const LOG_CHUNKS: Select = Select::new(
    "log_chunks",
    "SELECT stream, start_byte FROM log_chunks WHERE attempt_id = $1 ORDER BY stream, start_byte",
    &[Text, Int],
);

/// What stands before and after it in a document makes no difference.
fn anywhere(text: impl std::fmt::Display) -> Cell {
    Cell::text(format!("%{text}%"))
}

/// A person as the value of a field.
fn as_field(field: &str, person: PersonId) -> Cell {
    anywhere(format!("\"{field}\":\"{person}\""))
}

fn page(limit: u32) -> Cell {
    Cell::Int(limit.min(LARGEST_PAGE).into())
}

#[async_trait]
impl Privacy for SqlStore {
    async fn sessions_of(&self, person: PersonId) -> Result<Vec<Session>, StoreError> {
        let rows = self.rows(&SESSIONS, &[Cell::text(person)]).await?;
        rows.iter().map(identities::session).collect()
    }

    async fn remembered_of(
        &self,
        person: PersonId,
    ) -> Result<Vec<(IdempotencyKey, Remembered)>, StoreError> {
        let rows = self.rows(&REMEMBERED, &[Cell::text(person)]).await?;
        let keyed = |row: &Row| {
            let key = row.text(4)?.to_owned();
            Ok((IdempotencyKey { person, key }, jobs::remembered(row)?))
        };
        rows.iter().map(keyed).collect()
    }

    async fn jobs_owned_by(
        &self,
        person: PersonId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let args = [as_field("owner", person), rows::after(after), page(limit)];
        self.documents(&JOBS, &args).await
    }

    async fn dossiers_naming(
        &self,
        text: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let args = [anywhere(text), rows::after(after), page(limit)];
        let rows = self.rows(&NAMING, &args).await?;
        rows.iter().map(dossiers::dossier).collect()
    }

    async fn settled_dossiers(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredDossier>, StoreError> {
        let args = [Cell::text(kind), rows::after(after), page(limit)];
        let rows = self.rows(&SETTLED, &args).await?;
        rows.iter().map(dossiers::dossier).collect()
    }

    async fn entries_naming(
        &self,
        person: PersonId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let limit = Cell::Int(limit.into());
        let args = [anywhere(person), Cell::count(from), limit];
        let rows = self.rows(&ENTRIES, &args).await?;
        rows.iter().map(ledger::entry).collect()
    }

    async fn confirmations_by(&self, person: PersonId) -> Result<Vec<Confirmation>, StoreError> {
        let args = [as_field("by", person)];
        self.documents(&CONFIRMATIONS, &args).await
    }

    async fn invites_by(&self, person: PersonId) -> Result<Vec<Invite>, StoreError> {
        let args = [as_field("made_by", person)];
        self.documents(&INVITES, &args).await
    }

    async fn legal_holds(&self) -> Result<Vec<LegalHold>, StoreError> {
        let rows = self.rows(&HOLDS, &[]).await?;
        let hold = |row: &Row| {
            Ok(LegalHold {
                subject: row.parse(0)?,
                reason: row.text(1)?.to_owned(),
                set_at: row.time(2)?,
            })
        };
        rows.iter().map(hold).collect()
    }

    async fn find_erasure(&self, person: PersonId) -> Result<Option<StoredErasure>, StoreError> {
        let row = self.row(&ERASURE, &[Cell::text(person)]).await?;
        row.as_ref().map(erasure).transpose()
    }

    async fn open_erasures(&self) -> Result<Vec<StoredErasure>, StoreError> {
        let rows = self.rows(&OPEN_ERASURES, &[]).await?;
        rows.iter().map(erasure).collect()
    }

    async fn file_removals(&self, limit: u32) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(&FILE_REMOVALS, &[page(limit)]).await?;
        let digest = |row: &Row| row.text(0).map(str::to_owned);
        rows.iter().map(digest).collect()
    }

    async fn forget_old_evidence(&self) -> Result<u64, StoreError> {
        self.forget(Forgettable::OldEvidence, Timestamp::UNIX_EPOCH)
            .await
    }

    async fn log_chunks_of(&self, attempt: AttemptId) -> Result<Vec<LogChunkKey>, StoreError> {
        let rows = self.rows(&LOG_CHUNKS, &[Cell::text(attempt)]).await?;
        let key = |row: &Row| {
            Ok(LogChunkKey {
                stream: row.text(0)?.to_owned(),
                start_byte: row.count(1)?,
            })
        };
        rows.iter().map(key).collect()
    }
}

fn erasure(row: &Row) -> Result<StoredErasure, StoreError> {
    Ok(StoredErasure {
        person: row.parse(0)?,
        asked_at: row.time_or_null(1)?,
        erased_at: row.time_or_null(2)?,
        settled: row.int(3)? == 1,
    })
}
