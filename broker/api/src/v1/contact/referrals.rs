use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use broker_app::{ReferralView, next_after};
use broker_client::wire::Page;
use broker_model::{CentreId, Referral, ReferralDraft, ReferralId, ReferralMove};
use serde::Deserialize;

use crate::auth::Authenticated;
use crate::body::JsonBody;
use crate::once::{self, Early, Keyed};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::v1::query::{self, Id, Query, Whole};

/// Those of the caller's organisations and projects.
pub(crate) async fn list(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<ReferralView>>, Problem> {
    let mine = state.broker.my_referrals(&authenticated.caller).await?;
    Ok(Json(query.page(mine, |it| it.referral.id.to_string())?))
}

pub(crate) async fn send(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    keyed: Keyed,
    body: JsonBody<ReferralDraft>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let enter = keyed.enter((broker, caller), &body.bytes, once::created::<Referral>);
    let once = enter.await?;
    let made = broker.send_referral(caller, once.order(&body.value));
    once::answer(broker, &once, made.await).await
}

pub(crate) async fn show(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ReferralId>,
) -> Result<Json<ReferralView>, Problem> {
    let found = state.broker.referral(&authenticated.caller, id);
    Ok(Json(found.await?))
}

/// What a centre, or the organisation, does with it.
pub(crate) async fn make_move(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(id): Id<ReferralId>,
    keyed: Keyed,
    body: JsonBody<ReferralMove>,
) -> Result<Response, Early> {
    let (broker, caller) = (&state.broker, &authenticated.caller);
    let render = |it: &Referral| once::rendered(StatusCode::OK, it);
    let once = keyed.enter((broker, caller), &body.bytes, render).await?;
    let told = match broker
        .move_referral(caller, id, once.order(&body.value))
        .await
    {
        Ok(moved) => render(&moved),
        Err(error) => broker.first_of_another(&once, error).await?,
    };
    Ok(once::response(told))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    cursor: Option<String>,
}

/// What waits at a centre, for its staff, oldest first.
pub(crate) async fn at_centre(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Id(centre): Id<CentreId>,
    Query(after): Query<After>,
) -> Result<Json<Page<ReferralView>>, Problem> {
    let after: Option<ReferralId> = query::cursor(after.cursor.as_deref())?;
    let waiting = state
        .broker
        .centre_referrals(&authenticated.caller, (&centre, after));
    let waiting = waiting.await?;
    let next = next_after(&waiting, |it| it.referral.id);
    Ok(Json(query::page(waiting, next)))
}

/// Those that no centre acknowledged in time.
pub(crate) async fn overdue(
    State(state): State<ApiState>,
    authenticated: Authenticated,
    Query(query): Query<Whole>,
) -> Result<Json<Page<ReferralView>>, Problem> {
    let overdue = state
        .broker
        .overdue_referrals(&authenticated.caller)
        .await?;
    let place = |it: &ReferralView| {
        let until = it.clock.due.until.as_microsecond();
        (format!("{until:020}"), it.referral.id)
    };
    Ok(Json(query.page_from(overdue, place)?))
}
