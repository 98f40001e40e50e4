//! Jobs that wait for a person of their site, and what sites said to a job.

use axum::Json;
use axum::extract::State;
use broker_app::{Answer, next_after};
use broker_client::wire::{
    ConfirmationAnswer, ConfirmationDecision, ConfirmationSaid, JobView, Page,
};
use broker_model::{Confirmation, ConfirmationView, JobId, SiteId};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Items, Query};

/// What a page goes on from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    pub(crate) cursor: Option<String>,
}

/// What waits for this site, for its administrators and for operators.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    Query(from): Query<After>,
) -> Result<Json<Page<ConfirmationView>>, Problem> {
    let after = query::cursor(from.cursor.as_deref())?;
    let caller = &authenticated.caller;
    let waiting = state.broker.confirmations(caller, &site, after).await?;
    let next = next_after(&waiting, |one| one.job);
    Ok(Json(query::page(waiting, next)))
}

/// Confirms or declines, in the name of the caller.
pub(crate) async fn answer(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, job): Items<SiteId, JobId>,
    body: JsonBody<ConfirmationAnswer>,
) -> Result<Json<JobView>, Problem> {
    let answer = match body.value.decision {
        ConfirmationDecision::Confirm => Answer::Confirm,
        ConfirmationDecision::Decline => Answer::Decline {
            reason: body.value.reason.unwrap_or_default(),
        },
    };
    let caller = &authenticated.caller;
    let job = state
        .broker
        .answer_confirmation(caller, &site, job, answer)
        .await?;
    Ok(Json(JobView::from(job)))
}

/// What sites said to a job of the caller's, oldest first.
pub(crate) async fn of_job(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(job): Id<JobId>,
) -> Result<Json<Page<ConfirmationSaid>>, Problem> {
    let said = state
        .broker
        .confirmations_of(&authenticated.caller, job)
        .await?;
    let items = said.into_iter().map(said_view).collect();
    Ok(Json(query::page(items, None::<String>)))
}

/// Without who said it: the site spoke.
fn said_view(said: Confirmation) -> ConfirmationSaid {
    ConfirmationSaid {
        site: said.partition.site.clone(),
        partition: said.partition,
        verdict: said.verdict,
        reason: said.reason,
        waited_since: said.waited_since,
        decided_at: said.decided_at,
    }
}
