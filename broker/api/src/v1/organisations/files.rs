use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_app::Upload;
use broker_model::{Evidence, EvidenceId, OrganisationId};
use bytes::Bytes;
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Below, Items, Query};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    name: String,
}

/// Keeps the body as a file of the evidence; `Content-Type` says what it is. The same bytes again change
/// nothing, so a repeat is safe without a key.
pub(crate) async fn add(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Items(of, id): Items<OrganisationId, EvidenceId>,
    Query(named): Query<Named>,
    body: File,
) -> Result<(StatusCode, Json<Evidence>), Problem> {
    let upload = Upload {
        name: named.name,
        media_type: body.media_type,
        bytes: body.bytes,
    };
    let kept = state
        .broker
        .add_evidence_file(&authenticated.caller, (of, id), upload);
    Ok((StatusCode::CREATED, Json(kept.await?)))
}

/// Always to be saved and never to be shown by a browser: what is in it is a stranger's.
pub(crate) async fn read(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Below(of, id, sha256): Below<OrganisationId, EvidenceId>,
) -> Result<Response, Problem> {
    let found = state
        .broker
        .evidence_file(&authenticated.caller, (of, id), &sha256);
    let (file, bytes) = found.await?;
    let headers = [
        (CONTENT_TYPE, file.media_type),
        (CONTENT_DISPOSITION, "attachment".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// A body of bytes, with what its sender says it is.
#[derive(Debug)]
pub(crate) struct File {
    media_type: String,
    bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = said(request.headers());
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self { media_type, bytes }),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body-too-large",
                    "the file is larger than any that is taken: 64 MiB",
                ))
            }
            Err(_) => Err(Problem::invalid("the body could not be read to its end")),
        }
    }
}

fn said(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    kind.unwrap_or_default().to_owned()
}
