use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_app::jobs::{Accepted, FirstAnswer, Idempotency};
use broker_client::wire::JobView;
use broker_model::{Job, JobSpec};
use sha2::{Digest, Sha256};

use crate::auth::Authenticated;
use crate::body::JsonBody;
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
    let answer = state
        .broker
        .submit(&authenticated.caller, body.value, idempotency)
        .await?;
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

fn idempotency(headers: &HeaderMap, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=128).contains(&key.len()));
    let Some(key) = key else {
        return Err(Problem::invalid(
            "Idempotency-Key: allowed are 1 to 128 visible ASCII characters",
        ));
    };
    Ok(Some(Idempotency {
        key: key.to_owned(),
        request_sha256: hex::encode(Sha256::digest(body)),
        render: Box::new(render),
    }))
}

fn render(job: &Job) -> FirstAnswer {
    let body = serde_json::to_string(&JobView::from(job)).unwrap_or_default();
    FirstAnswer {
        status: StatusCode::ACCEPTED.as_u16(),
        body,
    }
}

fn response(answer: FirstAnswer, location: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::ACCEPTED);
    let mut response = (status, [(CONTENT_TYPE, "application/json")], answer.body).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
