//! Checking one piece of evidence.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{
    EvidenceFinding, EvidenceId, OrganisationId, PLEDGE_EVIDENCE, Signatory, SignatoryHint,
};
use policy_engine::day_in_brussels;

use super::check_reviewer;
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::organisations::evidence::evidence_id;
use crate::organisations::evidence_view::EvidenceView;
use crate::organisations::facts::{Fact, facts};
use crate::organisations::organisation_id;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "review_evidence.html")]
struct CheckPage {
    f: Frame,
    organisation: String,
    facts: Vec<Fact>,
    one: EvidenceView,
    /// What a list of signatories says, beside a pledge.
    signatories: Option<String>,
    is_own: bool,
    typed: Typed,
}

type Which = (OrganisationId, EvidenceId);

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path((of, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let which = (organisation_id(&of)?, evidence_id(&id)?);
    portal.check_page(&member, which, Typed::default()).await
}

pub(crate) async fn judge(
    State(portal): State<Portal>,
    Path((of, id)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let which = (organisation_id(&of)?, evidence_id(&id)?);
    let typed = Typed::from(fields);
    let accepted = match typed.value("verdict") {
        "accept" => true,
        "refuse" => false,
        _ => return Err(Refusal::Unreadable),
    };
    let words = typed.text("words");
    let finding = EvidenceFinding {
        accepted,
        words,
        files: Some(typed.list("files")),
        again: typed.is("again", "1"),
    };
    let judged = portal
        .broker
        .check_evidence(member.caller(), which, finding);
    match judged.await {
        Ok(_) => Ok(Redirect::to("/reviews").into_response()),
        Err(Error::ConflictOfInterest) => {
            let words = member.texts.of("review.conflict").to_owned();
            let typed = typed.with_notice(StatusCode::FORBIDDEN, words);
            portal.check_page(&member, which, typed).await
        }
        Err(error) => {
            let typed = typed.refused(member.texts, error)?;
            portal.check_page(&member, which, typed).await
        }
    }
}

impl Portal {
    async fn check_page(
        &self,
        member: &Member,
        (of, id): Which,
        typed: Typed,
    ) -> Result<Response, Refusal> {
        let (caller, texts, status) = (member.caller(), member.texts, typed.status);
        let organisation = self.broker.organisation(caller, of).await?;
        let handed_in = self.broker.evidence(caller, of).await?;
        let one = handed_in.iter().find(|it| it.id == id);
        let one = one.ok_or(Refusal::NoPage)?;
        let today = day_in_brussels(self.broker.clock().now());
        let engine = self.broker.policy();
        let titles = Titles::new(texts, &engine);
        let signatories = if one.kind.0 == PLEDGE_EVIDENCE {
            let hint = self.broker.signatory_hint(caller, of).await?;
            Some(signatory_words(texts, &hint))
        } else {
            None
        };
        let mut response = html(&CheckPage {
            f: member.frame(texts.of("review.title"), "reviews"),
            facts: facts(titles, &organisation),
            one: EvidenceView::new(titles, today, one),
            signatories,
            is_own: self.belongs_to(member).await?.contains(&of),
            organisation: organisation.name,
            typed,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

/// A name that reads alike is something to check, never a finding.
fn signatory_words(texts: Texts, hint: &SignatoryHint) -> String {
    let Some(list) = &hint.list else {
        return texts.of("review.signatories_no_list").to_owned();
    };
    let day = list.as_of.to_string();
    let name = |it: &Signatory| {
        let name = match &it.country {
            Some(country) => format!("«{}» ({country})", it.name),
            None => format!("«{}»", it.name),
        };
        let Some(day) = it.pledged_on.map(|day| day.to_string()) else {
            return name;
        };
        let values = [("name", name.as_str()), ("day", &day)];
        texts.with("review.signatories_pledged", &values)
    };
    let names: Vec<String> = hint.reads_like.iter().map(name).collect();
    let key = if names.is_empty() {
        "review.signatories_none"
    } else {
        "review.signatories_alike"
    };
    let names = names.join(", ");
    texts.with(
        key,
        &[("day", &day), ("source", &list.source), ("names", &names)],
    )
}
