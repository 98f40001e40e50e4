//! What is done with one: handed in, waived, reopened.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{FollowUp, FollowUpId, FulfilmentDraft, ReopeningDraft, WaiverDraft};

use super::follow_up_id;
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::Typed;
use crate::refusal::Refusal;
use crate::visitor::Member;

pub(crate) async fn fulfil(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let (id, typed) = (follow_up_id(&id)?, Typed::from(fields));
    let draft = FulfilmentDraft {
        words: typed.text("words"),
        link: typed.some("link"),
        sha256: typed.some("sha256"),
    };
    let done = portal.broker.fulfil_follow_up(member.caller(), id, &draft);
    let done = done.await;
    portal.answered(&member, id, (typed, done)).await
}

pub(crate) async fn waive(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let (id, typed) = (follow_up_id(&id)?, Typed::from(fields));
    let reason = typed.text("reason");
    let draft = WaiverDraft { reason };
    let done = portal.broker.waive_follow_up(member.caller(), id, &draft);
    let done = done.await;
    portal.answered(&member, id, (typed, done)).await
}

pub(crate) async fn reopen(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let (id, mut typed) = (follow_up_id(&id)?, Typed::from(fields));
    let draft = ReopeningDraft {
        words: typed.text("words"),
        due_on: typed.day("due_on"),
        // What the page said of it when it was shown.
        postpones: typed.is("postpones", "yes"),
    };
    if typed.is_wrong() {
        return portal.follow_up_page(&member, id, typed.unread()).await;
    }
    let done = portal.broker.reopen_follow_up(member.caller(), id, &draft);
    let done = done.await;
    portal.answered(&member, id, (typed, done)).await
}

impl Portal {
    /// Back to its page, or the form again with what is wrong.
    async fn answered(
        &self,
        member: &Member,
        id: FollowUpId,
        (typed, done): (Typed, Result<FollowUp, Error>),
    ) -> Result<Response, Refusal> {
        let typed = match done {
            Ok(_) => return Ok(Redirect::to(&format!("/follow-ups/{id}")).into_response()),
            Err(Error::ConflictOfInterest) => {
                let words = member.texts.of("review.conflict").to_owned();
                typed.with_notice(StatusCode::FORBIDDEN, words)
            }
            Err(error) => typed.refused(member.texts, error)?,
        };
        self.follow_up_page(member, id, typed).await
    }
}
