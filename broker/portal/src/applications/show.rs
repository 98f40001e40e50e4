use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::application_id;
use super::view::{ApplicationView, GrantedView};
use crate::Portal;
use crate::decision::DecisionView;
use crate::fields::MemberForm;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "application.html")]
struct ApplicationPage {
    f: Frame,
    one: ApplicationView,
    organisation: String,
    found: Option<DecisionView>,
    granted: Option<GrantedView>,
    may_withdraw: bool,
    /// The visitor may hand in jobs of the project it became, and its term has begun.
    may_compute: bool,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let (id, caller) = (application_id(&id)?, member.caller());
    let one = portal.broker.application(caller, id).await?;
    let organisation = portal.broker.organisation(caller, one.organisation).await?;
    let view = portal.application_view(member.texts, &one);
    let granted = portal.granted(member.texts, &one).await?;
    let is_running = granted
        .as_ref()
        .is_some_and(|it| it.has_begun && !it.is_over);
    let project = view.project.as_ref().and_then(|it| it.parse().ok());
    html(&ApplicationPage {
        f: member.frame(&one.project.name, "applications"),
        organisation: organisation.name,
        found: portal.found(member.texts, one.found).await?,
        granted,
        may_withdraw: one.is_open() && caller.represents(one.organisation),
        may_compute: is_running && project.is_some_and(|it| caller.may_use(it)),
        one: view,
    })
}

pub(crate) async fn withdraw(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, .. }: MemberForm,
) -> Result<Response, Refusal> {
    let id = application_id(&id)?;
    portal
        .broker
        .withdraw_application(member.caller(), id)
        .await?;
    Ok(Redirect::to(&format!("/applications/{id}")).into_response())
}
