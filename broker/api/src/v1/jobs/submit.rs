use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use broker_app::jobs::{Accepted, FirstAnswer, Idempotency};
use broker_client::wire::JobView;
use broker_model::{Job, JobSpec};
use sha2::{Digest, Sha256};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once;
use crate::problem::Problem;
use crate::state::ApiState;

/// Accepts a job: 202 with the job, placed or pending. With an `Idempotency-Key`, the same body again
/// gets the first answer again, byte for byte.
pub(crate) async fn submit(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    headers: HeaderMap,
    body: JsonBody<JobSpec>,
) -> Result<Response, Problem> {
    let idempotency = idempotency(&headers, &body.bytes)?;
    let project = body.value.project;
    let answer = state
        .broker
        .submit(&authenticated.caller, body.value, idempotency)
        .await
        .map_err(|error| Problem::from(error).naming(&project))?;
    match answer {
        Accepted::New { job, .. } => {
            Ok(response(render(&job), &format!("/api/v1/jobs/{}", job.id)))
        }
        Accepted::Repeated(first) => {
            let id = serde_json::from_str::<JobView>(&first.body).map(|job| job.id.to_string());
            let location = id
                .map(|id| format!("/api/v1/jobs/{id}"))
                .unwrap_or_default();
            Ok(response(first, &location))
        }
    }
}

/// By the body alone, as jobs were asked for before anything else had keys.
fn idempotency(headers: &HeaderMap, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let idempotency = |key| Idempotency {
        key,
        request_sha256: hex::encode(Sha256::digest(body)),
        render: Box::new(render),
    };
    Ok(once::key(headers)?.map(idempotency))
}

fn render(job: &Job) -> FirstAnswer {
    once::rendered(StatusCode::ACCEPTED, &JobView::from(job))
}

fn response(answer: FirstAnswer, location: &str) -> Response {
    let mut response = once::response(answer);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
