//! Coming in by a code. It is typed and sent, and stands in no address: those are kept by browsers and
//! written down by what is in between.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, InvitationRefusal};
use broker_model::MembersOf;

use super::path;
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage {
    f: Frame,
    typed: Typed,
}

pub(crate) async fn form(member: Member) -> Result<Response, Refusal> {
    page(&member, Typed::default())
}

/// Leads to those whom one belongs to now.
pub(crate) async fn send(
    State(portal): State<Portal>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let typed = Typed::from(fields);
    let code = typed.text("code");
    match portal
        .broker
        .accept_invitation(member.caller(), &code)
        .await
    {
        Ok(joined) => {
            let of = { joined.project }.map_or(
                MembersOf::Organisation(joined.organisation),
                MembersOf::Project,
            );
            Ok(Redirect::to(&format!("{}/members", path(of))).into_response())
        }
        Err(Error::Invitation(refusal)) => {
            let words = member.texts.of(match refusal {
                InvitationRefusal::Unknown => "join.unknown",
                InvitationRefusal::Used => "join.used",
                InvitationRefusal::Expired(_) => "join.expired",
                InvitationRefusal::Revoked => "join.revoked",
            });
            let status = StatusCode::CONFLICT;
            page(&member, typed.with_notice(status, words.to_owned()))
        }
        Err(error) => page(&member, typed.refused(member.texts, error)?),
    }
}

fn page(member: &Member, typed: Typed) -> Result<Response, Refusal> {
    let status = typed.status;
    let mut response = html(&JoinPage {
        f: member.frame(member.texts.of("join.title"), "home"),
        typed,
    })?;
    *response.status_mut() = status;
    Ok(response)
}
