use async_trait::async_trait;
use broker_model::{AttemptId, DecisionId, Job, JobId, Placement, ProjectId, SiteId, StateName};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::SqlStore;
use super::committer::{Forgettable, Work};
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select, Sql, select_any};
use super::rows::{self, LARGEST_PAGE};
use crate::{
    CommitError, IdempotencyKey, JobFilter, Jobs, Page, Remembered, StoreError, StoredDecision,
    StoredPlacement,
};

pub(super) const FIND: Select =
    Select::new("jobs", "SELECT document FROM jobs WHERE id = $1", &[Text]);
const FIND_ALL: Select = select_any!("jobs", "SELECT document FROM jobs WHERE id", "", &[Text]);
pub(super) const CANCELLING: Select = Select::new(
    "jobs",
    "SELECT attempt_id FROM jobs \
     WHERE site_id = $1 AND cancelling = 1 AND attempt_id IS NOT NULL ORDER BY attempt_id",
    &[Text],
);
pub(super) const PENDING: Select = Select::new(
    "jobs",
    "SELECT document FROM jobs WHERE state = 'pending' AND id > $1 ORDER BY id LIMIT $2",
    &[Text],
);
pub(super) const PLACED: Select = Select::new(
    "jobs",
    "SELECT document FROM jobs \
     WHERE site_id = $1 AND state = 'placed' AND attempt_id IS NULL AND id > $2 \
     ORDER BY id LIMIT $3",
    &[Text],
);
pub(super) const ACTIVE: Select = Select::new(
    "jobs",
    "SELECT state, site_id, COUNT(*) FROM jobs WHERE active = 1 GROUP BY state, site_id",
    &[Text, Text, Int],
);
const PLACEMENT: Select = Select::new(
    "placements",
    "SELECT document FROM \
     (SELECT document, job_version FROM placings WHERE job_id = $1 \
      UNION ALL SELECT document, 0 FROM placements WHERE job_id = $1) AS placed \
     ORDER BY job_version DESC LIMIT 1",
    &[Text],
);
const PLACINGS: Select = Select::new(
    "placings",
    "SELECT job_id, job_version, document, inputs FROM placings \
     WHERE job_id = $1 ORDER BY job_version",
    &[Text, Int, Text, Text],
);
const BOARD_DOCUMENT: Select = Select::new(
    "board_documents",
    "SELECT document FROM board_documents WHERE sha256 = $1",
    &[Text],
);
const DECISION: Select = Select::new(
    "decisions",
    "SELECT id, organisation_id, result, policy_digest, document, decided_at_us \
     FROM decisions WHERE id = $1",
    &[Text, Text, Text, Text, Text, Int],
);
const REMEMBERED: Select = Select::new(
    "remembered",
    "SELECT request_sha256, status, body, created_at_us FROM remembered WHERE id = $1",
    &[Text, Int, Text, Int],
);

/// More projects than anybody is in; operators ask without a list of projects.
const MOST_BRANCHES: usize = 200;

#[async_trait]
impl Jobs for SqlStore {
    async fn find_job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.document(&FIND, &[Cell::text(id)]).await
    }

    async fn find_jobs(&self, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.documents(&FIND_ALL, &[Cell::list(ids)]).await
    }

    async fn cancel_requests(&self, site: &SiteId) -> Result<Vec<AttemptId>, StoreError> {
        let rows = self.rows(&CANCELLING, &[Cell::text(site)]).await?;
        rows.iter().map(|row| row.parse(0)).collect()
    }

    async fn list_jobs(
        &self,
        filter: &JobFilter,
        page: &Page<JobId>,
    ) -> Result<Vec<Job>, StoreError> {
        match list(filter, page) {
            Some((select, args)) => self.documents(&select, &args).await,
            None => Ok(Vec::new()),
        }
    }

    async fn pending_jobs(&self, after: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        let args = [rows::after(after), Cell::Int(limit.into())];
        self.documents(&PENDING, &args).await
    }

    async fn placed_jobs(
        &self,
        site: &SiteId,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let args = [
            Cell::text(site),
            rows::after(after),
            Cell::Int(limit.into()),
        ];
        self.documents(&PLACED, &args).await
    }

    async fn count_active(&self) -> Result<Vec<(StateName, Option<SiteId>, u64)>, StoreError> {
        let rows = self.rows(&ACTIVE, &[]).await?;
        rows.iter()
            .map(|row| {
                let name = row.text(0)?;
                let state = StateName::parse(name).ok_or_else(|| StoreError::Unreadable {
                    table: "jobs",
                    reason: format!("`{name}` is no state of a job"),
                })?;
                let site = row.text_or_null(1)?.map(|_| row.parse(1)).transpose()?;
                Ok((state, site, row.count(2)?))
            })
            .collect()
    }

    async fn find_placement(&self, job: JobId) -> Result<Option<Placement>, StoreError> {
        self.document(&PLACEMENT, &[Cell::text(job)]).await
    }

    async fn placements_of(&self, job: JobId) -> Result<Vec<StoredPlacement>, StoreError> {
        let rows = self.rows(&PLACINGS, &[Cell::text(job)]).await?;
        let placement = |row: &Row| {
            Ok(StoredPlacement {
                job: row.parse(0)?,
                job_version: row.int(1)?,
                document: row.text(2)?.to_owned(),
                inputs: row.text(3)?.to_owned(),
            })
        };
        rows.iter().map(placement).collect()
    }

    async fn find_board_document(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        let row = self
            .row(&BOARD_DOCUMENT, &[Cell::Text(sha256.into())])
            .await?;
        row.map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    async fn find_decision(&self, id: DecisionId) -> Result<Option<StoredDecision>, StoreError> {
        let row = self.row(&DECISION, &[Cell::text(id)]).await?;
        row.map(|row| {
            Ok(StoredDecision {
                id: row.parse(0)?,
                organisation: row.parse(1)?,
                result: row.text(2)?.to_owned(),
                policy_digest: row.text(3)?.to_owned(),
                document: row.text(4)?.to_owned(),
                decided_at: row.time(5)?,
            })
        })
        .transpose()
    }

    async fn find_remembered(
        &self,
        key: &IdempotencyKey,
    ) -> Result<Option<Remembered>, StoreError> {
        let id = Cell::text(rows::remembered_id(key));
        let row = self.row(&REMEMBERED, &[id]).await?;
        row.map(|row| {
            let status = row.int(1)?;
            Ok(Remembered {
                request_sha256: row.text(0)?.to_owned(),
                status: u16::try_from(status).map_err(|e| StoreError::Unreadable {
                    table: "remembered",
                    reason: format!("status {status}: {e}"),
                })?,
                body: row.text(2)?.to_owned(),
                created_at: row.time(3)?,
            })
        })
        .transpose()
    }

    async fn forget_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.forget(Forgettable::Keys, before).await
    }

    async fn read_log(
        &self,
        job: JobId,
        stream: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>, StoreError> {
        self.stored_log(job, stream, offset, max_bytes).await
    }

    async fn log_length(&self, attempt: AttemptId, stream: &str) -> Result<u64, StoreError> {
        self.stored_log_length(attempt, stream).await
    }
}

impl SqlStore {
    pub(super) async fn forget(
        &self,
        what: Forgettable,
        before: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let (answer, answered) = oneshot::channel();
            let work = Work::Forget {
                what,
                before,
                answer,
            };
            let batch = match self.hand_in(work, answered).await {
                Ok(batch) => batch,
                Err(CommitError::Store(error)) => return Err(error),
                Err(other) => return Err(StoreError::Database(other.to_string())),
            };
            forgotten += batch;
            if batch < Forgettable::AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}

/// The statement for a list of jobs; `None` when the filter lets nothing through.
///
/// Each project is a branch of its own that stops after one page, since an index over (project, id)
/// gives one project's jobs in order but not those of several.
pub(super) fn list(filter: &JobFilter, page: &Page<JobId>) -> Option<(Select, Vec<Cell>)> {
    let mut args = vec![Cell::Int(page.limit.clamp(1, LARGEST_PAGE).into())];
    let conditions = conditions(filter, page, &mut args);
    let sql = match &filter.projects {
        None => branch("document", &conditions),
        Some(projects) => match projects.as_slice() {
            [] => return None,
            [project] => branch("document", &of_project(*project, &conditions, &mut args)),
            many => {
                let branches: Vec<String> = many
                    .iter()
                    .take(MOST_BRANCHES)
                    .map(|project| {
                        let inner = branch("id", &of_project(*project, &conditions, &mut args));
                        format!("SELECT id FROM ({inner}) AS branch")
                    })
                    .collect();
                let ids = branches.join(" UNION ALL ");
                branch("document", &[format!("id IN ({ids})")])
            }
        },
    };
    let sql = Sql::Built(sql.into());
    Some((
        Select {
            table: "jobs",
            sql,
            kinds: &[Text],
        },
        args,
    ))
}

fn branch(column: &str, conditions: &[String]) -> String {
    let mut sql = format!("SELECT {column} FROM jobs");
    if !conditions.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&conditions.join(" AND "));
    }
    sql.push_str(" ORDER BY id DESC LIMIT $1");
    sql
}

fn of_project(project: ProjectId, conditions: &[String], args: &mut Vec<Cell>) -> Vec<String> {
    let mut all = vec![condition("project_id =", Cell::text(project), args)];
    all.extend_from_slice(conditions);
    all
}

fn conditions(filter: &JobFilter, page: &Page<JobId>, args: &mut Vec<Cell>) -> Vec<String> {
    let mut all = Vec::new();
    let states = &filter.states;
    if !states.is_empty() {
        // Names of an enum, not a caller's text.
        let names: Vec<String> = states.iter().map(|s| format!("'{}'", s.as_str())).collect();
        all.push(format!("state IN ({})", names.join(", ")));
    }
    let only_active_states = !states.is_empty() && states.iter().all(|s| !s.is_final());
    if filter.active || only_active_states {
        all.push("active = 1".to_owned());
    }
    if let Some(site) = &filter.site {
        all.push(condition("site_id =", Cell::text(site), args));
    }
    if let Some(before) = page.before {
        all.push(condition("id <", Cell::text(before), args));
    }
    all
}

pub(super) fn condition(left: &str, value: Cell, args: &mut Vec<Cell>) -> String {
    args.push(value);
    format!("{left} ${}", args.len())
}
