use std::cmp::Reverse;
use std::collections::BTreeSet;

use async_trait::async_trait;
use broker_model::{
    AttemptId, Confirmation, DecisionId, Job, JobId, Placement, ProjectId, SiteId, StateName,
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::SqlStore;
use super::committer::{Forgettable, Work};
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select, select_any};
use super::lists::{Branch, Listed, Term, is};
use super::rows::{self, LARGEST_PAGE};
use crate::{
    CommitError, IdempotencyKey, JobFilter, Jobs, Page, PolicyUse, Remembered, StoreError,
    StoredDecision, StoredPlacement,
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
pub(super) const FIRST: Select = Select::new(
    "jobs",
    "SELECT document FROM jobs WHERE project_id = $1 ORDER BY id LIMIT 1",
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
pub(super) const HELD: Select = Select::new(
    "jobs",
    "SELECT document FROM jobs WHERE site_id = $1 AND state = 'held' AND id > $2 \
     ORDER BY id LIMIT $3",
    &[Text],
);
pub(super) const CONFIRMATIONS: Select = Select::new(
    "confirmations",
    "SELECT document FROM confirmations WHERE job_id = $1 ORDER BY job_version",
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
const DECISIONS: Select = Select::new(
    "decisions",
    "SELECT id, organisation_id, result, policy_digest, document, decided_at_us \
     FROM decisions WHERE id > $1 ORDER BY id LIMIT $2",
    &[Text, Text, Text, Text, Text, Int],
);
const POLICIES: Select = Select::new(
    "decisions",
    "SELECT policy_digest, COUNT(*), MIN(decided_at_us), MAX(decided_at_us) \
     FROM decisions GROUP BY policy_digest ORDER BY MAX(decided_at_us) DESC, policy_digest",
    &[Text, Int, Int, Int],
);
const REMEMBERED: Select = Select::new(
    "remembered",
    "SELECT request_sha256, status, body, created_at_us FROM remembered WHERE id = $1",
    &[Text, Int, Text, Int],
);

#[async_trait]
impl Jobs for SqlStore {
    async fn find_job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.document(&FIND, &[Cell::text(id)]).await
    }

    async fn first_job(&self, project: ProjectId) -> Result<Option<Job>, StoreError> {
        self.document(&FIRST, &[Cell::text(project)]).await
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
        let mut jobs: Vec<Job> = self.pages(&list(filter, page)).await?;
        jobs.sort_unstable_by_key(|job| Reverse(job.id));
        jobs.truncate(page.limit.clamp(1, LARGEST_PAGE) as usize);
        Ok(jobs)
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

    async fn held_jobs(
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
        self.documents(&HELD, &args).await
    }

    async fn confirmations_of(&self, job: JobId) -> Result<Vec<Confirmation>, StoreError> {
        self.documents(&CONFIRMATIONS, &[Cell::text(job)]).await
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
        row.as_ref().map(decision).transpose()
    }

    async fn decisions_after(
        &self,
        after: Option<DecisionId>,
        limit: u32,
    ) -> Result<Vec<StoredDecision>, StoreError> {
        let limit = Cell::Int(limit.min(rows::LARGEST_PAGE).into());
        let rows = self.rows(&DECISIONS, &[rows::after(after), limit]).await?;
        rows.iter().map(decision).collect()
    }

    async fn policies_used(&self) -> Result<Vec<PolicyUse>, StoreError> {
        let rows = self.rows(&POLICIES, &[]).await?;
        let used = rows.iter().map(|row| {
            Ok(PolicyUse {
                policy_digest: row.text(0)?.to_owned(),
                decisions: u64::try_from(row.int(1)?).unwrap_or_default(),
                first_at: row.time(2)?,
                last_at: row.time(3)?,
            })
        });
        used.collect()
    }

    async fn find_remembered(
        &self,
        key: &IdempotencyKey,
    ) -> Result<Option<Remembered>, StoreError> {
        let id = Cell::text(rows::remembered_id(key));
        let row = self.row(&REMEMBERED, &[id]).await?;
        row.as_ref().map(remembered).transpose()
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

const LISTED: Listed = Listed {
    table: "jobs",
    id: "id",
    order: "id DESC",
};

/// The statements whose rows, taken together, begin with the page; none when the filter lets nothing
/// through.
pub(super) fn list(filter: &JobFilter, page: &Page<JobId>) -> Vec<(Select, Vec<Cell>)> {
    let kinds = kinds(filter);
    let scopes: Vec<Option<ProjectId>> = match &filter.projects {
        None => vec![None],
        Some(projects) => BTreeSet::from_iter(projects)
            .into_iter()
            .map(|it| Some(*it))
            .collect(),
    };
    let mut branches = Vec::new();
    for project in scopes {
        for kind in &kinds {
            let mut branch: Branch = Vec::new();
            branch.extend(project.map(|id| is("project_id =", Cell::text(id))));
            branch.extend(
                filter
                    .site
                    .as_ref()
                    .map(|site| is("site_id =", Cell::text(site))),
            );
            branch.extend(kind.clone().map(Term::Same));
            branch.extend(page.before.map(|before| is("id <", Cell::text(before))));
            branches.push(branch);
        }
    }
    LISTED.statements(&branches, page.limit)
}

/// Which partial indexes a list is read from: one of what is active, and one of each final state, so
/// that a state or a site that few jobs have is not looked for among all of them. `None` for an index
/// over all jobs.
fn kinds(filter: &JobFilter) -> Vec<Option<String>> {
    if filter.states.is_empty() && filter.site.is_none() && !filter.active {
        return vec![None];
    }
    // Names of an enum, not a caller's text.
    let quoted = |state: &StateName| format!("'{}'", state.as_str());
    let asked = |state: &StateName| filter.states.is_empty() || filter.states.contains(state);
    let (over, active): (Vec<_>, Vec<_>) = StateName::ALL
        .into_iter()
        .filter(asked)
        .partition(|state| state.is_final());
    let mut kinds = Vec::new();
    if filter.states.is_empty() {
        kinds.push(Some("active = 1".to_owned()));
    } else if !active.is_empty() {
        let names: Vec<String> = active.iter().map(quoted).collect();
        kinds.push(Some(format!(
            "active = 1 AND state IN ({})",
            names.join(", ")
        )));
    }
    if !filter.active {
        let over = over.iter().map(quoted);
        kinds.extend(over.map(|name| Some(format!("active = 0 AND state = {name}"))));
    }
    kinds
}

pub(super) fn remembered(row: &Row) -> Result<Remembered, StoreError> {
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
}

fn decision(row: &Row) -> Result<StoredDecision, StoreError> {
    Ok(StoredDecision {
        id: row.parse(0)?,
        organisation: row.parse(1)?,
        result: row.text(2)?.to_owned(),
        policy_digest: row.text(3)?.to_owned(),
        document: row.text(4)?.to_owned(),
        decided_at: row.time(5)?,
    })
}
