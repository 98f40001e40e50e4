//! Proposing to meet and agreeing are one step, and so are declining later and taking back: whoever says it
//! second agrees.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_model::{OrganisationId, ProfileId};

use super::{path, profile_id, spoken_for};
use crate::Portal;
use crate::fields::MemberForm;
use crate::refusal::Refusal;
use crate::visitor::Member;

type Which = (OrganisationId, ProfileId);

pub(super) async fn meet(
    State(portal): State<Portal>,
    Path(named): Path<(String, String)>,
    MemberForm { member, .. }: MemberForm,
) -> Result<Response, Refusal> {
    let which = which_two(&member, &named)?;
    portal.broker.show_interest(member.caller(), which).await?;
    Ok(back(which))
}

pub(super) async fn no_more(
    State(portal): State<Portal>,
    Path(named): Path<(String, String)>,
    MemberForm { member, .. }: MemberForm,
) -> Result<Response, Refusal> {
    let which = which_two(&member, &named)?;
    let withdrawn = portal.broker.withdraw_interest(member.caller(), which);
    withdrawn.await?;
    Ok(back(which))
}

fn which_two(member: &Member, named: &(String, String)) -> Result<Which, Refusal> {
    let of = spoken_for(member, &named.0)?;
    Ok((of, profile_id(&named.1)?))
}

fn back((of, profile): Which) -> Response {
    Redirect::to(&format!("{}#{profile}", path(of))).into_response()
}
