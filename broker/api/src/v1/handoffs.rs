//! Jobs that a person carries to a site: what they fetch, and what is told of it.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use broker_app::{Fetched, Form, HandoffReport, LexisNames, next_after};
use broker_client::wire::{HandedIn, HandoffView, JobView, Page};
use broker_model::{HandoffRef, JobId, SiteId};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::confirmations::After;
use crate::v1::query::{self, Id, Items, Query};

type Download = ([(HeaderName, String); 2], String);

/// The batch script; the same bytes however often it is fetched.
pub(crate) async fn script(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(job): Id<JobId>,
) -> Result<Download, Problem> {
    let form = Form::Script;
    let fetched = state
        .broker
        .handoff(&authenticated.caller, job, &form)
        .await?;
    Ok(download("text/x-shellscript; charset=utf-8", fetched))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    project: String,
    template: String,
    dataset: Option<String>,
    location: Option<String>,
}

/// A LEXIS Workflow Definition, with what LEXIS calls things as the caller says.
pub(crate) async fn lexis(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(job): Id<JobId>,
    Query(names): Query<Names>,
) -> Result<Download, Problem> {
    let form = Form::Lexis(LexisNames {
        project: names.project,
        template: names.template,
        dataset: names.dataset,
        location: names.location,
    });
    let fetched = state
        .broker
        .handoff(&authenticated.caller, job, &form)
        .await?;
    Ok(download("application/yaml", fetched))
}

fn download(kind: &str, fetched: Fetched) -> Download {
    let name = format!("attachment; filename=\"{}\"", fetched.file_name);
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)];
    (headers, fetched.text)
}

/// The owner's word that they handed it in.
pub(crate) async fn handed_in(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(job): Id<JobId>,
    body: JsonBody<HandedIn>,
) -> Result<Json<JobView>, Problem> {
    let remote_id = body.value.remote_id.as_ref();
    let caller = &authenticated.caller;
    let job = state.broker.claim_handed_in(caller, job, remote_id).await?;
    Ok(Json(JobView::from(job)))
}

/// What is carried to this site and not settled, for its administrators and for operators.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(site): Id<SiteId>,
    Query(from): Query<After>,
) -> Result<Json<Page<HandoffView>>, Problem> {
    let after = query::cursor(from.cursor.as_deref())?;
    let caller = &authenticated.caller;
    let carried = state.broker.handoffs(caller, &site, after).await?;
    let next = next_after(&carried, |one| one.attempt);
    Ok(Json(query::page(carried, next)))
}

/// What a site tells of a job that was handed in there; named by its id or by its marker.
pub(crate) async fn report(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, job): Items<SiteId, HandoffRef>,
    body: JsonBody<HandoffReport>,
) -> Result<Json<JobView>, Problem> {
    let (caller, report) = (&authenticated.caller, &body.value);
    let told = state.broker.report_handoff(caller, &site, job, report);
    Ok(Json(JobView::from(told.await?)))
}
