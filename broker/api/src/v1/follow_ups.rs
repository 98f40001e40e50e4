//! What is owed after allocations, and what people do about it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use broker_app::{Broker, Error, FirstAnswer, FollowUpView, Once};
use broker_client::wire::Page;
use broker_model::{
    FollowUp, FollowUpId, FulfilmentDraft, OrganisationId, ReopeningDraft, WaiverDraft,
};

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::operation::{Operation, get, post};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{Id, Query, Whole};

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        get("/follow-ups", list),
        get("/follow-ups/{id}", show),
        post("/follow-ups/{id}/fulfilment", fulfil),
        post("/follow-ups/{id}/waiver", waive),
        post("/follow-ups/{id}/reopening", reopen),
        get("/organisations/{id}/follow-ups", of_organisation),
        get("/reviews/overdue-follow-ups", overdue),
    ]
}

/// Those of the caller's organisations and projects.
async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<FollowUpView>>, Problem> {
    let mine = state.broker.my_follow_ups(&authenticated.caller).await?;
    Ok(Json(query.page(mine, named)?))
}

async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<FollowUpId>,
) -> Result<Json<FollowUpView>, Problem> {
    let found = state.broker.follow_up(&authenticated.caller, id);
    Ok(Json(found.await?))
}

async fn of_organisation(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(of): Id<OrganisationId>,
    Query(query): Query<Whole>,
) -> Result<Json<Page<FollowUpView>>, Problem> {
    let caller = &authenticated.caller;
    let found = state.broker.organisation_follow_ups(caller, of).await?;
    Ok(Json(query.page(found, named)?))
}

/// What is overdue anywhere, for who checks.
async fn overdue(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<FollowUpView>>, Problem> {
    let caller = &authenticated.caller;
    let overdue = state.broker.overdue_follow_ups(caller).await?;
    let place = |it: &FollowUpView| {
        let day = it.follow_up.due_on.map(|day| day.to_string());
        (day.unwrap_or_default(), it.follow_up.id)
    };
    Ok(Json(query.page_from(overdue, place)?))
}

async fn fulfil(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<FollowUpId>,
    keyed: Keyed,
    body: JsonBody<FulfilmentDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let once = keyed.enter((broker, caller), &body.bytes, done).await?;
    let made = broker.fulfil_follow_up(caller, id, once.order(&body.value));
    told(broker, &once, made.await).await
}

/// By a reviewer: it is not owed any more.
async fn waive(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<FollowUpId>,
    keyed: Keyed,
    body: JsonBody<WaiverDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let once = keyed.enter((broker, caller), &body.bytes, done).await?;
    let made = broker.waive_follow_up(caller, id, once.order(&body.value));
    told(broker, &once, made.await).await
}

/// By a reviewer: it is owed again, or longer.
async fn reopen(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<FollowUpId>,
    keyed: Keyed,
    body: JsonBody<ReopeningDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let once = keyed.enter((broker, caller), &body.bytes, done).await?;
    let made = broker.reopen_follow_up(caller, id, once.order(&body.value));
    told(broker, &once, made.await).await
}

/// As it is now; where another replica did it first under the same key, its answer.
async fn told(
    broker: &Broker,
    once: &Once<FollowUp>,
    made: Result<FollowUp, Error>,
) -> Result<Response, Early> {
    Ok(once::response(match made {
        Ok(made) => done(&made),
        Err(error) => broker.first_of_another(once, error).await?,
    }))
}

fn done(made: &FollowUp) -> FirstAnswer {
    once::rendered(StatusCode::OK, made)
}

fn named(one: &FollowUpView) -> String {
    one.follow_up.id.to_string()
}
