use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use broker_model::{FollowUp, FollowUpId, FollowUpState};
use jiff::Timestamp;

use super::follow_up_id;
use super::rows::OwedRow;
use crate::Portal;
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "follow_up.html")]
struct FollowUpPage {
    f: Frame,
    one: OwedRow,
    reminded: Option<Moment>,
    /// What was done with it, newest first.
    steps: Vec<StepView>,
    may_fulfil: bool,
    may_judge: bool,
    /// Nothing lies there; what came too early is asked for again as any other.
    is_open: bool,
    typed: Typed,
}

struct StepView {
    what: &'static str,
    at: Moment,
    words: String,
    link: Option<String>,
    sha256: Option<String>,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = follow_up_id(&id)?;
    portal.follow_up_page(&member, id, Typed::default()).await
}

impl Portal {
    /// With the forms as they were typed.
    pub(super) async fn follow_up_page(
        &self,
        member: &Member,
        id: FollowUpId,
        typed: Typed,
    ) -> Result<Response, Refusal> {
        let (caller, texts, status) = (member.caller(), member.texts, typed.status);
        let found = self.broker.follow_up(caller, id).await?;
        let engine = self.broker.policy();
        let row = OwedRow::new(Titles::new(texts, &engine), &found);
        let one = found.follow_up;
        let is_theirs = caller.represents(one.organisation) || caller.leads(one.project);
        let belongs = self.belongs_to(member).await?.contains(&one.organisation);
        let mut response = html(&FollowUpPage {
            f: member.frame(&row.kind, "follow-ups"),
            one: row,
            reminded: one.reminders.last().map(|it| it.at.into()),
            steps: steps(texts, &one),
            may_fulfil: is_theirs && one.is_open(),
            may_judge: caller.is_reviewer() && !belongs,
            is_open: matches!(one.state, FollowUpState::Open { .. }),
            typed,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

fn steps(texts: Texts, one: &FollowUp) -> Vec<StepView> {
    let states = one.earlier.iter().chain([&one.state]).rev();
    states.filter_map(|it| step(texts, it)).collect()
}

/// Nothing of what is owed as from the beginning.
const fn handed_in(early: bool) -> &'static str {
    if early {
        "owed.early"
    } else {
        "owed.fulfilled"
    }
}

fn step(texts: Texts, state: &FollowUpState) -> Option<StepView> {
    let plain = |key, at: Timestamp, words: &str| StepView {
        what: texts.of(key),
        at: at.into(),
        words: words.to_owned(),
        link: None,
        sha256: None,
    };
    Some(match state {
        FollowUpState::Open { reopened } => {
            let it = reopened.as_ref()?;
            plain("owed.reopened", it.at, &it.words)
        }
        FollowUpState::Fulfilled {
            at,
            words,
            link,
            sha256,
            early,
            ..
        } => StepView {
            link: link.clone(),
            sha256: sha256.clone(),
            ..plain(handed_in(*early), *at, words)
        },
        FollowUpState::Waived { at, reason, .. } => plain("owed.waived", *at, reason),
    })
}
