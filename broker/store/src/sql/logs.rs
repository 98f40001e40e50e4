use broker_model::{AttemptId, JobId};

use super::SqlStore;
use super::db::Kind::{Bytes, Int, Text};
use super::db::{Cell, Select};
use crate::StoreError;

const NEWEST_ATTEMPT: Select = Select::new(
    "attempts",
    "SELECT id FROM attempts WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
    &[Text],
);
const LENGTH: Select = Select::new(
    "log_streams",
    "SELECT length FROM log_streams WHERE attempt_id = $1 AND stream = $2",
    &[Int],
);
/// The chunk that holds the offset, and those after it up to an end.
const CHUNKS: Select = Select::new(
    "log_chunks",
    "SELECT start_byte, bytes FROM log_chunks \
     WHERE attempt_id = $1 AND stream = $2 AND start_byte < $4 AND start_byte >= \
     COALESCE((SELECT MAX(start_byte) FROM log_chunks \
     WHERE attempt_id = $1 AND stream = $2 AND start_byte <= $3), 0) \
     ORDER BY start_byte",
    &[Int, Bytes],
);

impl SqlStore {
    pub(super) async fn stored_log(
        &self,
        job: JobId,
        stream: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let newest = self.row(&NEWEST_ATTEMPT, &[Cell::text(job)]).await?;
        let Some(newest) = newest else {
            return Ok(Vec::new());
        };
        let end = offset.saturating_add(max_bytes as u64);
        let args = [
            Cell::text(newest.text(0)?),
            Cell::text(stream),
            Cell::count(offset),
            Cell::count(end),
        ];
        let mut log = Vec::new();
        for chunk in self.rows(&CHUNKS, &args).await? {
            let before = offset.saturating_sub(chunk.count(0)?);
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            log.extend_from_slice(chunk.bytes(1)?.get(before..).unwrap_or_default());
        }
        log.truncate(max_bytes);
        Ok(log)
    }

    pub(super) async fn stored_log_length(
        &self,
        attempt: AttemptId,
        stream: &str,
    ) -> Result<u64, StoreError> {
        let args = [Cell::text(attempt), Cell::text(stream)];
        let row = self.row(&LENGTH, &args).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }
}
