use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use broker_app::{Difference, FiledAs};
use broker_client::wire::{DifferenceView, Filed, FiledView};
use broker_model::{Site, SiteId};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::{self, JsonBody};
use crate::etag;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query};

pub(crate) async fn show(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let document = state.broker.site_document(&id)?;
    let body = || body::json(&document.site);
    Ok(etag::tagged(&headers, &document.sha256, body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    #[serde(default)]
    dry_run: bool,
}

/// Registers a site (201) or changes what is registered of it; the same document again changes nothing.
pub(crate) async fn file(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<SiteId>,
    Query(how): Query<How>,
    headers: HeaderMap,
    body: JsonBody<Site>,
) -> Result<(StatusCode, Json<FiledView>), Problem> {
    if body.value.id != id {
        let words = format!(
            "id: the document is of `{}`, the path of `{id}`",
            body.value.id
        );
        return Err(Problem::invalid(words));
    }
    let (caller, expected) = (&authenticated.caller, etag::expected(&headers)?);
    let filed = { state.broker }
        .file_site(caller, body.value, expected.as_deref(), how.dry_run)
        .await?;
    let status = match filed.filed {
        FiledAs::New if !how.dry_run => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    let view = FiledView {
        site: id,
        filed: match filed.filed {
            FiledAs::New => Filed::New,
            FiledAs::Changed => Filed::Changed,
            FiledAs::Unchanged => Filed::Unchanged,
        },
        dry_run: how.dry_run,
        sha256: filed.sha256,
        differences: filed.differences.into_iter().map(difference).collect(),
        notes: filed.notes,
    };
    Ok((status, Json(view)))
}

fn difference(difference: Difference) -> DifferenceView {
    let Difference { field, from, to } = difference;
    DifferenceView { field, from, to }
}
