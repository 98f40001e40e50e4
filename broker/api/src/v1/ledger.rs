use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use broker_client::wire::{CheckpointView, ConsistencyView, EntryView, InclusionView, Page};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::etag;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, cursor, limit, page};

pub(crate) async fn checkpoint(
    State(state): State<ApiState>,
    _: Authenticated,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let checkpoint = state.broker.checkpoint().await?;
    let view = CheckpointView {
        tree_size: checkpoint.tree_size,
        root: checkpoint.root_hex,
        note: checkpoint.note,
        verifier_key: state.ledger_key.to_string(),
        created_at: checkpoint.created_at,
    };
    Ok(etag::json(&headers, &view))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryQuery {
    job: Option<broker_model::JobId>,
    limit: Option<u32>,
    /// The first position to list.
    cursor: Option<String>,
}

pub(crate) async fn entries(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<EntryQuery>,
) -> Result<Json<Page<EntryView>>, Problem> {
    let from = cursor(query.cursor.as_deref())?.unwrap_or(0);
    let limit = limit(query.limit)?;
    let found = state
        .broker
        .entries(&authenticated.caller, query.job, from, limit)
        .await?;
    let view = |row: broker_store::EntryRow| EntryView {
        seq: row.seq,
        job: row.job,
        entry: row.text,
    };
    Ok(Json(page(
        found.entries.into_iter().map(view).collect(),
        found.next,
    )))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InclusionQuery {
    seq: u64,
    tree_size: Option<u64>,
}

pub(crate) async fn inclusion(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<InclusionQuery>,
) -> Result<Json<InclusionView>, Problem> {
    let proof = state
        .broker
        .inclusion(&authenticated.caller, query.seq, query.tree_size)
        .await?;
    Ok(Json(InclusionView {
        seq: query.seq,
        entry: proof.entry.text,
        tree_size: proof.checkpoint.tree_size,
        root: proof.checkpoint.root_hex,
        proof: proof.proof.iter().map(ToString::to_string).collect(),
        checkpoint: proof.checkpoint.note,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyQuery {
    from: u64,
    to: u64,
}

pub(crate) async fn consistency(
    State(state): State<ApiState>,
    _: Authenticated,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Json<ConsistencyView>, Problem> {
    let proof = state.broker.consistency(query.from, query.to).await?;
    Ok(Json(ConsistencyView {
        from_size: query.from,
        from_root: proof.from_root.to_string(),
        to_size: query.to,
        to_root: proof.to_root.to_string(),
        proof: proof.proof.iter().map(ToString::to_string).collect(),
    }))
}

/// The whole ledger up to the newest checkpoint as one file that verifies offline.
pub(crate) async fn export(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<Response, Problem> {
    let key = &*state.ledger_key;
    let keys = vec![key.clone()];
    let chunks = state
        .broker
        .export(&authenticated.caller, key.name(), keys)
        .await?;
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"alcyone-ledger.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
