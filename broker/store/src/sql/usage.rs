use async_trait::async_trait;
use broker_model::{AttemptId, JobId, UsageRecord};

use super::SqlStore;
use super::db::Kind::Text;
use super::db::{Cell, Select, Sql};
use super::jobs::condition;
use super::rows::LARGEST_PAGE;
use crate::{Page, StoreError, Usage, UsageFilter, UsageScope};

const OF_JOB: Select = Select::new(
    "usage_records",
    "SELECT document FROM usage_records WHERE job_id = $1 ORDER BY ended_at_us, attempt_id",
    &[Text],
);

#[async_trait]
impl Usage for SqlStore {
    async fn usage_of(&self, job: JobId) -> Result<Vec<UsageRecord>, StoreError> {
        self.documents(&OF_JOB, &[Cell::text(job)]).await
    }

    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: &Page<AttemptId>,
    ) -> Result<Vec<UsageRecord>, StoreError> {
        let sees_nothing =
            |scope: &UsageScope| scope.projects.is_empty() && scope.shares.is_empty();
        if filter.projects.as_ref().is_some_and(Vec::is_empty)
            || filter.scope.as_ref().is_some_and(sees_nothing)
        {
            return Ok(Vec::new());
        }
        let (sql, args) = list(filter, page);
        let select = Select {
            table: "usage_records",
            sql: Sql::Built(sql.into()),
            kinds: &[Text],
        };
        self.documents(&select, &args).await
    }
}

fn list(filter: &UsageFilter, page: &Page<AttemptId>) -> (String, Vec<Cell>) {
    let mut args = Vec::new();
    let mut all = Vec::new();
    if let Some(UsageScope { projects, shares }) = &filter.scope {
        let of_projects = projects.iter().map(|it| ("project_id =", Cell::text(it)));
        let under_shares = shares.iter().map(|it| ("share =", Cell::text(it)));
        let any: Vec<String> = of_projects
            .chain(under_shares)
            .map(|(column, value)| condition(column, value, &mut args))
            .collect();
        all.push(format!("({})", any.join(" OR ")));
    }
    if let Some(projects) = &filter.projects {
        let any: Vec<String> = projects
            .iter()
            .map(|project| condition("project_id =", Cell::text(project), &mut args))
            .collect();
        all.push(format!("({})", any.join(" OR ")));
    }
    if let Some(share) = &filter.share {
        all.push(condition("share =", Cell::text(share), &mut args));
    }
    if let Some(site) = &filter.site {
        all.push(condition("site_id =", Cell::text(site), &mut args));
    }
    if let Some(month) = &filter.month {
        all.push(condition("month =", Cell::text(month), &mut args));
    }
    if let Some(before) = page.before {
        let id = condition("attempt_id =", Cell::text(before), &mut args);
        all.push(format!(
            "(ended_at_us, attempt_id) < \
             (SELECT ended_at_us, attempt_id FROM usage_records WHERE {id})"
        ));
    }
    let mut sql = "SELECT document FROM usage_records".to_owned();
    if !all.is_empty() {
        sql.push_str(" WHERE ");
        sql.push_str(&all.join(" AND "));
    }
    let limit = Cell::Int(page.limit.clamp(1, LARGEST_PAGE).into());
    sql.push_str(&condition(
        " ORDER BY ended_at_us DESC, attempt_id DESC LIMIT",
        limit,
        &mut args,
    ));
    (sql, args)
}
