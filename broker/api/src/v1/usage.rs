use axum::Json;
use axum::extract::State;
use broker_client::wire::{Page, UsageView};
use broker_model::{AttemptId, FundingShare, ProjectId, SiteId};
use broker_store::{Page as StorePage, UsageFilter};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, cursor, limit, page};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    project: Option<ProjectId>,
    site: Option<SiteId>,
    share: Option<FundingShare>,
    month: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Page<UsageView>>, Problem> {
    let asked = StorePage::<AttemptId> {
        limit: limit(query.limit)?,
        before: cursor(query.cursor.as_deref())?,
    };
    let filter = UsageFilter {
        scope: None,
        projects: query.project.map(|project| vec![project]),
        share: query.share,
        site: query.site,
        month: query.month.map(month).transpose()?,
    };
    let found = state
        .broker
        .usage(&authenticated.caller, filter, asked)
        .await?;
    let view = |record: broker_model::UsageRecord| UsageView {
        month: record.month(),
        record,
    };
    Ok(Json(page(
        found.records.into_iter().map(view).collect(),
        found.next,
    )))
}

/// A month that is written in another way would match nothing and look like no usage.
fn month(text: String) -> Result<String, Problem> {
    let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    let is_month = |month: &str| digits(month, 2) && matches!(month.parse::<u8>(), Ok(1..=12));
    let fits =
        { text.split_once('-') }.is_some_and(|(year, month)| digits(year, 4) && is_month(month));
    if fits {
        return Ok(text);
    }
    Err(Problem::invalid(
        "month: allowed is a UTC month as `2026-11`",
    ))
}
