//! Jobs that a person carries to a site: what they fetch, and what is told of it.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use broker_app::{Fetched, Form, HandedOver, HandoffReport, LexisNames};
use broker_client::wire::{HandedIn, HandoffView, JobView, Page};
use broker_model::{AttemptState, JobId, Outcome, RemoteId, SiteId};
use jiff::Timestamp;
use serde::Deserialize;
use site_adapter::UsageReport;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::confirmations::After;
use crate::v1::query::{self, Id, Items, Query};

const LARGEST_PAGE: usize = 200;

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
    let last = carried.last().map(|one| one.attempt.id);
    let next = last.filter(|_| carried.len() >= LARGEST_PAGE);
    let items = carried.into_iter().map(view).collect();
    Ok(Json(query::page(items, next)))
}

fn view(carried: HandedOver) -> HandoffView {
    let HandedOver { job, attempt } = carried;
    HandoffView {
        job: job.id,
        attempt: attempt.id,
        state: job.state.name(),
        fetched: attempt.state != AttemptState::Leased,
        remote_id: job.state.remote_id().cloned(),
        outcome: job.state.outcome().cloned(),
        cancel_requested: job.cancel_requested_at.is_some(),
        name: job.spec.name,
        partition: attempt.partition,
        prepared_at: attempt.created_at,
    }
}

/// What a site tells of a job that was handed in there.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Told {
    Submitted {
        remote_id: RemoteId,
        submitted_at: Timestamp,
    },
    Started {
        started_at: Timestamp,
    },
    Ended {
        ended_at: Timestamp,
        outcome: Outcome,
    },
    Usage {
        usage: Option<UsageReport>,
    },
    Declined {
        reason: String,
    },
}

pub(crate) async fn report(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(site, job): Items<SiteId, JobId>,
    body: JsonBody<Told>,
) -> Result<Json<JobView>, Problem> {
    let report = match body.value {
        Told::Submitted {
            remote_id,
            submitted_at,
        } => HandoffReport::Submitted {
            remote_id,
            submitted_at,
        },
        Told::Started { started_at } => HandoffReport::Started { started_at },
        Told::Ended { ended_at, outcome } => HandoffReport::Ended { ended_at, outcome },
        Told::Usage { usage } => HandoffReport::Usage(usage),
        Told::Declined { reason } => HandoffReport::Declined { reason },
    };
    let caller = &authenticated.caller;
    let job = state
        .broker
        .report_handoff(caller, &site, job, &report)
        .await?;
    Ok(Json(JobView::from(job)))
}
