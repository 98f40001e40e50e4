use async_trait::async_trait;
use broker_model::{AgentId, Attempt, AttemptId, JobId, SiteId};
use jiff::Timestamp;

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

/// Each half reads an index of its own; an `OR` of the two would read all that are not settled. So
/// would the second half in the order of the ids, which `|| ''` keeps planners from.
pub(super) const FREE: Select = Select::new(
    "attempts",
    "SELECT document FROM attempts WHERE id IN (\
     SELECT id FROM (SELECT id FROM attempts \
     WHERE site_id = $1 AND settled = 0 AND leased_by = $2 AND id > $4 ORDER BY id LIMIT $5) AS own \
     UNION ALL \
     SELECT id FROM (SELECT id FROM attempts \
     WHERE site_id = $1 AND settled = 0 AND lease_until_us <= $3 AND id || '' > $4 \
     ORDER BY id || '' LIMIT $5) \
     AS ran_out) ORDER BY id LIMIT $5",
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

    async fn free_attempts(
        &self,
        site: &SiteId,
        agent: AgentId,
        now: Timestamp,
        after: Option<AttemptId>,
        limit: u32,
    ) -> Result<Vec<Attempt>, StoreError> {
        let args = [
            Cell::text(site),
            Cell::text(agent),
            rows::time(now),
            rows::after(after),
            Cell::Int(limit.into()),
        ];
        self.documents(&FREE, &args).await
    }
}
