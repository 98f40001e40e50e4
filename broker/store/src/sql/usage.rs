use std::cmp::Reverse;
use std::collections::BTreeSet;

use async_trait::async_trait;
use broker_model::{AttemptId, GpuMillis, JobId, OrganisationWas, ProjectId, SiteId, UsageRecord};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::SqlStore;
use super::db::Kind::{Int, Text};
use super::db::{Cell, Row, Select, Sql};
use super::lists::{Branch, Listed, Term, is};
use super::rows::{self, LARGEST_PAGE};
use crate::{AccountUse, Page, StoreError, SystemUsed, Usage, UsageFilter, UsageScope, Used};

const OF_JOB: Select = Select::new(
    "usage_records",
    "SELECT document FROM usage_records WHERE job_id = $1 ORDER BY ended_at_us, attempt_id",
    &[Text],
);
/// An allocation names an account for the jobs that began before its term ended. Times compare by the second,
/// as the text of which the documents have them: `2026-11-20T12:00:00`.
const UNKNOWN_ACCOUNTS: Select = Select {
    table: "usage_records",
    sql: Sql::Each {
        sqlite: "SELECT account, COUNT(*), SUM(gpu_ms), MIN(ended_at_us), MAX(ended_at_us) FROM ( \
             SELECT json_extract(document, '$.local_account') AS account, gpu_ms, ended_at_us, \
             SUBSTR(json_extract(document, '$.started_at'), 1, 19) AS started \
             FROM usage_records WHERE site_id = $1 AND ended_at_us >= $2) AS told LEFT JOIN ( \
             SELECT json_extract(document, '$.local_accounts.\"' || $1 || '\"') AS known, \
             MAX(SUBSTR(json_extract(document, '$.valid_until'), 1, 19)) AS until \
             FROM allocations GROUP BY known) AS named ON known = account AND started < until \
             WHERE account IS NOT NULL AND known IS NULL \
             GROUP BY account ORDER BY MAX(ended_at_us) DESC, account",
        postgres: "SELECT account, COUNT(*), SUM(gpu_ms)::BIGINT, MIN(ended_at_us), MAX(ended_at_us) FROM ( \
             SELECT document::JSON ->> 'local_account' AS account, gpu_ms, ended_at_us, \
             SUBSTR(document::JSON ->> 'started_at', 1, 19) COLLATE \"C\" AS started \
             FROM usage_records WHERE site_id = $1 AND ended_at_us >= $2) AS told LEFT JOIN ( \
             SELECT document::JSON -> 'local_accounts' ->> $1 AS known, \
             MAX(SUBSTR(document::JSON ->> 'valid_until', 1, 19) COLLATE \"C\") AS until \
             FROM allocations GROUP BY 1) AS named ON known = account AND started < until \
             WHERE account IS NOT NULL AND known IS NULL \
             GROUP BY account ORDER BY MAX(ended_at_us) DESC, account",
    },
    kinds: &[Text, Int, Int, Int, Int],
};

const BETWEEN: Select = Select {
    table: "usage_records",
    sql: Sql::Each {
        sqlite: "SELECT organisation_id, project_id, share, SUM(gpu_ms), \
             COALESCE(json_extract(document, '$.organisation_was'), '') AS was FROM usage_records \
             WHERE ended_at_us >= $1 AND ended_at_us < $2 GROUP BY organisation_id, project_id, share, was",
        postgres: "SELECT organisation_id, project_id, share, SUM(gpu_ms)::BIGINT, \
             COALESCE(document::JSON ->> 'organisation_was', '') AS was FROM usage_records \
             WHERE ended_at_us >= $1 AND ended_at_us < $2 GROUP BY organisation_id, project_id, share, was",
    },
    kinds: &[Text, Text, Text, Int, Text],
};

/// A broker of before migration 13 that runs beside this one leaves `system_id` empty: of its rows the document tells.
pub(super) const BY_SYSTEM: Select = Select {
    table: "usage_records",
    sql: Sql::Each {
        sqlite: "SELECT site_id, system_id, share, SUM(gpu_ms) FROM usage_records \
             WHERE ended_at_us >= $1 AND ended_at_us < $2 AND system_id <> '' \
             GROUP BY site_id, system_id, share UNION ALL \
             SELECT site_id, json_extract(document, '$.partition.system') AS told, share, SUM(gpu_ms) \
             FROM usage_records WHERE ended_at_us >= $1 AND ended_at_us < $2 AND system_id = '' \
             GROUP BY site_id, told, share",
        postgres: "SELECT site_id, system_id, share, SUM(gpu_ms)::BIGINT FROM usage_records \
             WHERE ended_at_us >= $1 AND ended_at_us < $2 AND system_id <> '' \
             GROUP BY site_id, system_id, share UNION ALL \
             SELECT site_id, document::JSON -> 'partition' ->> 'system' AS told, share, \
             SUM(gpu_ms)::BIGINT FROM usage_records \
             WHERE ended_at_us >= $1 AND ended_at_us < $2 AND system_id = '' \
             GROUP BY site_id, told, share",
    },
    kinds: &[Text, Text, Text, Int],
};

#[async_trait]
impl Usage for SqlStore {
    async fn used_between(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Used>, StoreError> {
        let args = [rows::time(from), rows::time(to)];
        let rows = self.rows(&BETWEEN, &args).await?;
        let used = rows.iter().map(|row| {
            Ok(Used {
                organisation: row.parse(0)?,
                was: organisation_was(row.text(4)?)?,
                project: row.parse(1)?,
                share: row.parse(2)?,
                gpu: GpuMillis(row.int(3)?),
            })
        });
        used.collect()
    }

    async fn used_by_system(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SystemUsed>, StoreError> {
        let args = [rows::time(from), rows::time(to)];
        let rows = self.rows(&BY_SYSTEM, &args).await?;
        let used = rows.iter().map(|row| {
            Ok(SystemUsed {
                site: row.parse(0)?,
                system: row.parse(1)?,
                share: row.parse(2)?,
                gpu: GpuMillis(row.int(3)?),
            })
        });
        used.collect()
    }

    async fn usage_of(&self, job: JobId) -> Result<Vec<UsageRecord>, StoreError> {
        self.documents(&OF_JOB, &[Cell::text(job)]).await
    }

    async fn unknown_accounts(
        &self,
        site: &SiteId,
        since: Timestamp,
    ) -> Result<Vec<AccountUse>, StoreError> {
        let args = [Cell::text(site), rows::time(since)];
        let rows = self.rows(&UNKNOWN_ACCOUNTS, &args).await?;
        rows.iter().map(account_use).collect()
    }

    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: &Page<AttemptId>,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        let mut records: Vec<UsageRecord> = self.pages(&list(filter, page)).await?;
        records.sort_unstable_by_key(|it| Reverse((it.ended_at.as_microsecond(), it.attempt)));
        // What is in two branches of two statements.
        records.dedup_by_key(|it| it.attempt);
        records.truncate(page.limit.clamp(1, LARGEST_PAGE) as usize);
        Ok(records)
    }
}

fn organisation_was(text: &str) -> Result<Option<OrganisationWas>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_str(text);
    read.map(Some).map_err(|error| StoreError::Unreadable {
        table: "usage_records",
        reason: error.to_string(),
    })
}

fn account_use(row: &Row) -> Result<AccountUse, StoreError> {
    Ok(AccountUse {
        account: row.text(0)?.to_owned(),
        jobs: u64::try_from(row.int(1)?).unwrap_or_default(),
        gpu: GpuMillis(row.int(2)?),
        first_seen: row.time(3)?,
        last_seen: row.time(4)?,
    })
}

const LISTED: Listed = Listed {
    table: "usage_records",
    id: "attempt_id",
    order: "ended_at_us DESC, attempt_id DESC",
};

/// The statements whose rows, taken together, begin with the page; none when the filter lets nothing
/// through.
pub(super) fn list(filter: &UsageFilter, page: &Page<AttemptId>) -> Vec<(Select, Vec<Cell>)> {
    let mut common: Branch = Vec::new();
    if let Some(month) = &filter.month {
        // A month that is none has no usage.
        let Some((first, end)) = month_range(month) else {
            return Vec::new();
        };
        common.push(is("ended_at_us >=", rows::time(first)));
        common.push(is("ended_at_us <", rows::time(end)));
    }
    common.extend(
        filter
            .share
            .as_ref()
            .map(|share| is("share =", Cell::text(share))),
    );
    common.extend(
        filter
            .site
            .as_ref()
            .map(|site| is("site_id =", Cell::text(site))),
    );
    common.extend(page.before.map(older));
    let branches: Vec<Branch> = match (&filter.projects, filter.scope.as_ref()) {
        (None, None) => vec![Vec::new()],
        (None, Some(scope)) => seen_in(scope),
        (Some(wanted), seen) => BTreeSet::from_iter(wanted)
            .into_iter()
            .flat_map(|project| seen_of(*project, seen))
            .collect(),
    };
    let branches: Vec<Branch> = branches
        .into_iter()
        .map(|branch| [branch, common.clone()].concat())
        .collect();
    LISTED.statements(&branches, page.limit)
}

/// A branch for each project and for each share that somebody may see.
fn seen_in(scope: &UsageScope) -> Vec<Branch> {
    let projects = BTreeSet::from_iter(&scope.projects)
        .into_iter()
        .map(|project| vec![of_project(*project)]);
    projects.chain(seen_shares(scope)).collect()
}

/// The same of one project, whole if it is theirs.
fn seen_of(project: ProjectId, seen: Option<&UsageScope>) -> Vec<Branch> {
    let whole = vec![of_project(project)];
    match seen {
        Some(scope) if !scope.projects.contains(&project) => seen_shares(scope)
            .map(|share| [whole.clone(), share].concat())
            .collect(),
        _ => vec![whole],
    }
}

fn seen_shares(scope: &UsageScope) -> impl Iterator<Item = Branch> {
    let shares: BTreeSet<_> = scope.shares.iter().map(ToString::to_string).collect();
    shares
        .into_iter()
        .map(|share| vec![is("share =", Cell::text(share))])
}

fn of_project(project: ProjectId) -> Term {
    is("project_id =", Cell::text(project))
}

fn older(than: AttemptId) -> Term {
    let before = "(ended_at_us, attempt_id) < \
                  (SELECT ended_at_us, attempt_id FROM usage_records WHERE attempt_id =";
    Term::Value(before, Cell::text(than), ")")
}

/// The first instant of a month as `2026-11`, UTC, and that of the next.
fn month_range(month: &str) -> Option<(Timestamp, Timestamp)> {
    let first: Date = format!("{month}-01").parse().ok()?;
    let next = first.checked_add(1.month()).ok()?;
    let start = |date: Date| TimeZone::UTC.to_timestamp(date.into()).ok();
    Some((start(first)?, start(next)?))
}
