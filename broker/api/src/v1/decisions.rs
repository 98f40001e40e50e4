//! What the rules found, made again; and what other rules would find.

use axum::Json;
use axum::extract::State;
use broker_app::{ComparisonPage, ComparisonQuery, DecisionReplay, PolicyView};
use broker_client::wire::{DecisionView, Page};
use broker_model::DecisionId;
use serde::Serialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::operation::{Operation, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::Id;
use crate::{decision, language};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/decisions/{id}/replay", replay),
        get("/policies", policies),
        post("/policies/compare", compare),
    ]
}

/// What is stored is English and stays so; what is said is for who asks.
#[derive(Debug, Serialize)]
struct Replayed {
    #[serde(flatten)]
    replay: DecisionReplay,
    /// None where this program cannot read the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<DecisionView>,
}

/// Makes a stored decision again from its stored question, and says whether it is the same byte for byte.
async fn replay(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<DecisionId>,
) -> Result<Json<Replayed>, Problem> {
    let replayed = state.broker.replay_decision(&authenticated.caller, id);
    let replay = replayed.await?;
    let said = replay.asked();
    let said = said.map(|it| decision::view(language::said(&it.question, &it.decision)));
    Ok(Json(Replayed { replay, said }))
}

/// The policy in force and those that decided before, for reviewers, auditors and operators.
async fn policies(
    State(state): State<ApiState>,
    authenticated: Authenticated,
) -> Result<Json<Page<PolicyView>>, Problem> {
    let items = state.broker.policies(&authenticated.caller).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Asks stored questions under another set, page by page. Nothing takes effect.
async fn compare(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    body: JsonBody<ComparisonQuery>,
) -> Result<Json<ComparisonPage>, Problem> {
    let compared = state
        .broker
        .compare_policies(&authenticated.caller, body.value);
    Ok(Json(compared.await?))
}
