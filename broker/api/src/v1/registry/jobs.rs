use axum::Json;
use axum::extract::State;
use broker_app::SiteJob;
use broker_client::wire::{Page, SiteJobView};
use broker_model::SiteId;
use broker_store::Page as StorePage;
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query, cursor, limit, page};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Lists what the site has that is not over, newest first; people by their pseudonyms.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    Query(query): Query<Asked>,
) -> Result<Json<Page<SiteJobView>>, Problem> {
    let asked = StorePage {
        limit: limit(query.limit)?,
        before: cursor(query.cursor.as_deref())?,
    };
    let caller = &authenticated.caller;
    let found = state.broker.site_jobs(caller, &id, asked).await?;
    let jobs = found.jobs.into_iter().map(view).collect();
    Ok(Json(page(jobs, found.next)))
}

fn view(job: SiteJob) -> SiteJobView {
    SiteJobView {
        job: job.job,
        attempt: job.attempt,
        remote_id: job.remote_id,
        partition: job.partition,
        project: job.project,
        allocation: job.allocation,
        organisation: job.organisation,
        state: job.state,
        created_at: job.created_at,
        updated_at: job.updated_at,
        started_at: job.started_at,
        person: job.person,
        name: job.name,
    }
}
