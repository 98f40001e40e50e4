//! One decision of the rules: what was found, on which ground, and the same made again.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use broker_app::{DecisionReplay, Error};
use broker_model::DecisionId;

use super::DecisionView;
use crate::Portal;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "decision_page.html")]
struct DecisionPage {
    f: Frame,
    id: String,
    decided: Moment,
    policy: String,
    inputs: Option<String>,
    found: Option<DecisionView>,
    again: Option<Again>,
}

/// What came of making it again.
struct Again {
    same: bool,
    /// As the broker says it.
    reason: Option<String>,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let stored = portal.replayed(&member, &id).await?;
    portal.decision_page(&member, stored, None)
}

/// Reads only: the button is a link that looks like one.
pub(crate) async fn replay(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let stored = portal.replayed(&member, &id).await?;
    let again = Again {
        same: stored.same,
        reason: stored.reason.clone(),
    };
    portal.decision_page(&member, stored, Some(again))
}

impl Portal {
    async fn replayed(&self, member: &Member, id: &str) -> Result<DecisionReplay, Refusal> {
        let none = |_| Refusal::App(Error::NotFound("decision"));
        let id: DecisionId = id.parse().map_err(none)?;
        Ok(self.broker.replay_decision(member.caller(), id).await?)
    }

    fn decision_page(
        &self,
        member: &Member,
        stored: DecisionReplay,
        again: Option<Again>,
    ) -> Result<Response, Refusal> {
        let texts = member.texts;
        let asked = stored.asked();
        html(&DecisionPage {
            f: member.frame(texts.of("decision.title"), "decision"),
            id: stored.decision.to_string(),
            decided: stored.decided_at.into(),
            policy: stored.policy_digest,
            inputs: asked.map(|it| it.decision.inputs_digest),
            found: DecisionView::stored(texts, &self.broker.policy(), stored.document.get()),
            again,
        })
    }
}
