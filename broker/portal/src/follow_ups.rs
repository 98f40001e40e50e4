//! The pages of what is owed after allocations: for who hands it in, and for reviewers.

mod judge;
pub(crate) mod rows;
mod show;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_model::FollowUpId;

pub(crate) use judge::{fulfil, reopen, waive};
pub(crate) use show::show;

use self::rows::OwedRow;
use crate::Portal;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "follow_ups.html")]
struct FollowUpsPage {
    f: Frame,
    owed: Vec<OwedRow>,
}

/// Those of the visitor's organisations and projects: what is owed first, by its last day.
pub(crate) async fn list(
    State(portal): State<Portal>,
    member: Member,
) -> Result<Response, Refusal> {
    let mut mine = portal.broker.my_follow_ups(member.caller()).await?;
    mine.sort_by_key(|it| {
        let one = &it.follow_up;
        (!one.is_open(), one.due_on.is_none(), one.due_on, one.id)
    });
    html(&FollowUpsPage {
        f: member.frame(member.texts.of("owed.title"), "follow-ups"),
        owed: portal.owed_rows(member.texts, &mine),
    })
}

fn follow_up_id(text: &str) -> Result<FollowUpId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}
