use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use broker_client::wire::{Page, SiteCapacity, SiteStateView, SiteView};
use broker_model::SiteId;

use crate::auth::Authenticated;
use crate::etag;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query, Whole};

/// Lists every site, on one page unless asked otherwise: a federation has tens.
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<SiteView>>, Problem> {
    let sites = state.broker.sites().into_iter().map(view).collect();
    Ok(Json(
        query.page(sites, |view: &SiteView| view.site.id.to_string())?,
    ))
}

pub(crate) async fn show(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(etag::json(&headers, &view(state.broker.site(&id)?)))
}

/// The short form, for who looks often.
pub(crate) async fn readiness(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let site = state.broker.site(&id)?;
    let shown = SiteStateView {
        site: site.site.id,
        readiness: site.readiness,
        reason: site.reason,
        heard_at: site.heard_at,
        expires_at: site.expires_at,
    };
    Ok(etag::json(&headers, &shown))
}

pub(crate) async fn capacity(
    State(state): State<ApiState>,
    _: Authenticated,
    Id(id): Id<SiteId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let site = state.broker.site(&id)?;
    let told = site.snapshot;
    let shown = SiteCapacity {
        site: site.site.id,
        observed_at: told.as_ref().map(|it| it.observed_at),
        partitions: told.map(|it| it.partitions).unwrap_or_default(),
    };
    Ok(etag::json(&headers, &shown))
}

fn view(site: broker_app::SiteView) -> SiteView {
    let broker_app::SiteView {
        site,
        readiness,
        reason,
        heard_at,
        expires_at,
        snapshot,
        drains,
        incidents,
    } = site;
    SiteView {
        site,
        readiness,
        reason,
        heard_at,
        expires_at,
        snapshot,
        drains,
        incidents,
    }
}
