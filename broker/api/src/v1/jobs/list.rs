use axum::Json;
use axum::extract::State;
use broker_client::wire::{JobView, Page};
use broker_model::{JobId, ProjectId, SiteId, StateName};
use broker_store::{JobFilter, Page as StorePage};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, cursor, limit, page};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobQuery {
    project: Option<ProjectId>,
    /// One or more states, separated by commas.
    state: Option<String>,
    site: Option<SiteId>,
    active: Option<bool>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Lists jobs of the caller's projects, newest first.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<JobQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    let asked = StorePage::<JobId> {
        limit: limit(query.limit)?,
        before: cursor(query.cursor.as_deref())?,
    };
    let filter = JobFilter {
        projects: query.project.map(|project| vec![project]),
        states: states(query.state.as_deref())?,
        site: query.site,
        active: query.active.unwrap_or(false),
    };
    let found = state
        .broker
        .jobs(&authenticated.caller, filter, asked)
        .await?;
    Ok(Json(page(
        found.jobs.into_iter().map(JobView::from).collect(),
        found.next,
    )))
}

fn states(text: Option<&str>) -> Result<Vec<StateName>, Problem> {
    let parse = |word: &str| {
        StateName::parse(word).ok_or_else(|| {
            let all: Vec<&str> = StateName::ALL.iter().map(|state| state.as_str()).collect();
            Problem::invalid(format!(
                "state: `{word}` is none; allowed: {}",
                all.join(", ")
            ))
        })
    };
    text.map_or_else(
        || Ok(Vec::new()),
        |text| text.split(',').map(parse).collect(),
    )
}
