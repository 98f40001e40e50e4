//! What a funder asks of a period, and what was set out to be reached in one.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use broker_app::IndicatorQuery;
use broker_client::wire::Page;
use broker_model::{FundingShare, Indicators, Objective, ObjectiveDraft, ObjectiveView};
use jiff::civil::Date;
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::operation::{Operation, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Query, Whole};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/indicators", indicators),
        get("/objectives", list),
        post("/objectives", set),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    from: Date,
    to: Date,
    share: Option<FundingShare>,
}

/// For auditors and operators.
async fn indicators(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(Period { from, to, share }): Query<Period>,
) -> Result<Json<Indicators>, Problem> {
    let asked = IndicatorQuery { from, to, share };
    let found = state.broker.indicators(&authenticated.caller, asked);
    Ok(Json(found.await?))
}

async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<ObjectiveView>>, Problem> {
    let all = state.broker.objectives(&authenticated.caller).await?;
    Ok(Json(query.page(all, |it| it.objective.id.to_string())?))
}

/// By an operator, before its period begins.
async fn set(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    keyed: Keyed,
    body: JsonBody<ObjectiveDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Objective>);
    let once = enter.await?;
    let made = broker.set_objective(caller, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}
