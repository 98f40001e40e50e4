use async_trait::async_trait;
use broker_model::JobId;
use tokio::sync::oneshot;

use super::SqlStore;
use super::bulk::{self, Texts};
use super::committer::Work;
use super::db::Kind::{Bytes, Int, Text};
use super::db::{Cell, Conn, Kind, Row, Select};
use super::errors::store_error;
use super::group;
use super::pending::Pending;
use super::rows;
use super::tables::TableId;
use crate::{
    CommitError, Entity, EntryRow, Ledger, SealedBatch, StoreError, StoredCheckpoint, Tile,
};

const SIZE: Select = Select::new(
    "ledger_head",
    "SELECT size FROM ledger_head WHERE id = 1",
    &[Int],
);
const ENTRIES: Select = Select::new(
    "ledger_entries",
    "SELECT seq, job_id, text FROM ledger_entries WHERE seq >= $1 ORDER BY seq LIMIT $2",
    &[Int, Text, Text],
);
const OF_JOB: Select = Select::new(
    "ledger_entries",
    "SELECT seq, job_id, text FROM ledger_entries WHERE job_id = $1 AND seq >= $2 \
     ORDER BY seq LIMIT $3",
    &[Int, Text, Text],
);
const CHECKPOINT_COLUMNS: &[Kind] = &[Int, Text, Text, Int];
const LATEST: Select = Select::new(
    "ledger_checkpoints",
    "SELECT tree_size, root_hex, note, created_at_us FROM ledger_checkpoints \
     ORDER BY tree_size DESC LIMIT 1",
    CHECKPOINT_COLUMNS,
);
const CHECKPOINT: Select = Select::new(
    "ledger_checkpoints",
    "SELECT tree_size, root_hex, note, created_at_us FROM ledger_checkpoints \
     WHERE tree_size = $1",
    CHECKPOINT_COLUMNS,
);
const TILE: Select = Select::new(
    "ledger_tiles",
    "SELECT hashes FROM ledger_tiles WHERE level = $1 AND tile_index = $2",
    &[Bytes],
);

#[async_trait]
impl Ledger for SqlStore {
    async fn ledger_size(&self) -> Result<u64, StoreError> {
        let row = self.row(&SIZE, &[]).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    async fn entries(&self, from: u64, limit: u32) -> Result<Vec<EntryRow>, StoreError> {
        let args = [Cell::count(from), Cell::Int(limit.into())];
        let rows = self.rows(&ENTRIES, &args).await?;
        rows.iter().map(entry).collect()
    }

    async fn entries_of(
        &self,
        job: JobId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let from = after.map_or(0, |seq| seq.saturating_add(1));
        let args = [Cell::text(job), Cell::count(from), Cell::Int(limit.into())];
        let rows = self.rows(&OF_JOB, &args).await?;
        rows.iter().map(entry).collect()
    }

    async fn latest_checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        let row = self.row(&LATEST, &[]).await?;
        row.as_ref().map(checkpoint).transpose()
    }

    async fn checkpoint_at(&self, tree_size: u64) -> Result<Option<StoredCheckpoint>, StoreError> {
        let row = self.row(&CHECKPOINT, &[Cell::count(tree_size)]).await?;
        row.as_ref().map(checkpoint).transpose()
    }

    async fn find_tile(&self, level: u8, index: u64) -> Result<Option<Tile>, StoreError> {
        let args = [Cell::Int(level.into()), Cell::count(index)];
        let row = self.row(&TILE, &args).await?;
        row.map(|row| {
            let hashes = row.bytes(0)?.to_vec();
            Ok(Tile {
                level,
                index,
                hashes,
            })
        })
        .transpose()
    }

    async fn seal(&self, batch: SealedBatch) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        let batch = Box::new(batch);
        self.hand_in(Work::Seal { batch, answer }, answered).await
    }
}

/// Stores a sealed batch on the committer's connection, which may be left in the transaction when
/// this fails.
pub(super) async fn seal(
    conn: &mut Conn,
    texts: &mut Texts,
    batch: &SealedBatch,
) -> Result<(), CommitError> {
    let failed = |e: sqlx::Error| CommitError::from(store_error(&e));
    conn.begin().await.map_err(failed)?;
    // The same lock as for commits: two replicas that seal at once go one after the other.
    let size = group::lock_head(conn).await?;
    let latest = conn.fetch(&LATEST, &[]).await.map_err(failed)?;
    let sealed = latest.first().map_or(Ok(0), |row| row.count(0))?;
    let grows = batch.checkpoint.tree_size > sealed && batch.checkpoint.tree_size <= size;
    if sealed != batch.from_size || !grows {
        return Err(CommitError::Conflict(Entity::Checkpoint));
    }
    let mut pending = Pending::default();
    for tile in &batch.tiles {
        pending.put(TableId::LedgerTiles, rows::tile(tile));
    }
    pending.put(
        TableId::LedgerCheckpoints,
        rows::checkpoint(&batch.checkpoint),
    );
    for (table, last) in pending.finals() {
        bulk::write(conn, texts, table, &last)
            .await
            .map_err(failed)?;
    }
    group::end(conn, true)
        .await
        .map_err(|failure| failure.error.into())
}

pub(super) fn entry(row: &Row) -> Result<EntryRow, StoreError> {
    Ok(EntryRow {
        seq: row.count(0)?,
        job: row.text_or_null(1)?.map(|_| row.parse(1)).transpose()?,
        text: row.text(2)?.to_owned(),
    })
}

fn checkpoint(row: &Row) -> Result<StoredCheckpoint, StoreError> {
    Ok(StoredCheckpoint {
        tree_size: row.count(0)?,
        root_hex: row.text(1)?.to_owned(),
        note: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
    })
}
