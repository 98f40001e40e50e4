//! Terms in force, and that somebody accepts them. Accepting is idempotent by itself: it takes no key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use broker_app::TermsInForce;
use broker_client::wire::{Page, TermsAcceptanceView, TermsView};
use broker_model::{TermsDraft, TermsId};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::language::Languages;
use crate::operation::{Operation, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::Id;

pub(crate) fn operations() -> Vec<Operation> {
    vec![get("/terms", list), post("/terms/{id}/acceptances", accept)]
}

async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    languages: Languages,
) -> Result<Json<Page<TermsView>>, Problem> {
    let in_force = state.broker.terms(&authenticated.caller).await?;
    let items = in_force.iter().filter_map(|it| view(it, &languages));
    Ok(Json(Page {
        items: items.collect(),
        next_cursor: None,
    }))
}

async fn accept(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<TermsId>,
    body: JsonBody<TermsDraft>,
) -> Result<(StatusCode, Json<TermsAcceptanceView>), Problem> {
    let caller = &authenticated.caller;
    let accepted = state.broker.accept_terms(caller, &id, &body.value).await?;
    let view = TermsAcceptanceView {
        document: accepted.document,
        version: accepted.version,
        digest: accepted.sha256,
        accepted_at: accepted.accepted_at,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

fn view(shown: &TermsInForce, languages: &Languages) -> Option<TermsView> {
    let document = &shown.document;
    let best = languages.best(|it| document.text.contains_key(it));
    let (language, text) = document.text_in(best)?;
    Some(TermsView {
        document: document.id.clone(),
        site: document.scope.site().cloned(),
        version: document.version.clone(),
        effective: document.effective,
        source: document.source.clone(),
        language: language.to_owned(),
        languages: document.text.keys().cloned().collect(),
        title: text.title.clone(),
        text: text.body.clone(),
        link: text.link.clone(),
        digest: text.digest().to_owned(),
        accepted_at: shown.accepted_at,
    })
}
