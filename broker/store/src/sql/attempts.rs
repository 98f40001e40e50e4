use async_trait::async_trait;
use broker_model::{Attempt, AttemptId, JobId, SiteId};

use super::SqlStore;
use super::db::Kind::Text;
use super::db::{Cell, Select, select_any};
use super::rows;
use crate::{Attempts, StoreError};

const FIND: Select = Select::new(
    "attempts",
    "SELECT document FROM attempts WHERE id = $1",
    &[Text],
);
const FIND_ALL: Select = select_any!(
    "attempts",
    "SELECT document FROM attempts WHERE id",
    "",
    &[Text]
);
const OF_JOB: Select = Select::new(
    "attempts",
    "SELECT document FROM attempts WHERE job_id = $1 ORDER BY id",
    &[Text],
);
pub(super) const UNSETTLED: Select = Select::new(
    "attempts",
    "SELECT document FROM attempts WHERE site_id = $1 AND settled = 0 AND id > $2 \
     ORDER BY id LIMIT $3",
    &[Text],
);

#[async_trait]
impl Attempts for SqlStore {
    async fn find_attempt(&self, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
        self.document(&FIND, &[Cell::text(id)]).await
    }

    async fn find_attempts(&self, ids: &[AttemptId]) -> Result<Vec<Attempt>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.documents(&FIND_ALL, &[Cell::list(ids)]).await
    }

    async fn attempts_of(&self, job: JobId) -> Result<Vec<Attempt>, StoreError> {
        self.documents(&OF_JOB, &[Cell::text(job)]).await
    }

    async fn open_attempts(
        &self,
        site: &SiteId,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        let args = [
            Cell::text(site),
            rows::after(after),
            Cell::Int(limit.into()),
        ];
        self.documents(&UNSETTLED, &args).await
    }
}
