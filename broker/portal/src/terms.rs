//! Terms in force, to read and to accept.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, TermsInForce};
use broker_model::{TermsDraft, TermsId};

use crate::Portal;
use crate::fields::MemberForm;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "terms.html")]
struct TermsPage {
    f: Frame,
    /// What was to be accepted is not in force any more.
    outdated: bool,
    all: Vec<TermsView>,
}

struct TermsView {
    id: String,
    version: String,
    since: String,
    source: String,
    /// Of title and text.
    lang: String,
    title: String,
    text: Option<String>,
    link: Option<String>,
    digest: String,
    accepted: Option<Moment>,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
) -> Result<Response, Refusal> {
    portal.terms_page(&member, false).await
}

/// Takes the version and the text that the page had shown.
pub(crate) async fn accept(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let id: TermsId = id.parse().map_err(|_| Refusal::NoPage)?;
    let said = |name| fields.text(name).unwrap_or_default().to_owned();
    let read = TermsDraft {
        version: said("version"),
        digest: said("digest"),
    };
    match portal
        .broker
        .accept_terms(member.caller(), &id, &read)
        .await
    {
        Ok(_) => Ok(Redirect::to(&format!("/terms#{id}")).into_response()),
        Err(error @ Error::OtherTerms(_)) => {
            let status = Refusal::from(error).into_response().status();
            let mut page = portal.terms_page(&member, true).await?;
            *page.status_mut() = status;
            Ok(page)
        }
        Err(error) => Err(error.into()),
    }
}

impl Portal {
    async fn terms_page(&self, member: &Member, outdated: bool) -> Result<Response, Refusal> {
        let texts = member.texts;
        let all = self.broker.terms(member.caller()).await?;
        html(&TermsPage {
            f: member.frame(texts.of("terms.title"), "terms"),
            outdated,
            all: all.iter().filter_map(|it| view(texts, it)).collect(),
        })
    }
}

fn view(texts: Texts, shown: &TermsInForce) -> Option<TermsView> {
    let document = &shown.document;
    let (lang, text) = document.text_in(texts.lang())?;
    Some(TermsView {
        id: document.id.to_string(),
        version: document.version.clone(),
        since: document.effective.to_string(),
        source: document.source.clone(),
        lang: lang.to_owned(),
        title: text.title.clone(),
        text: text.body.as_ref().map(|it| it.trim().to_owned()),
        link: text.link.clone(),
        digest: text.digest().to_owned(),
        accepted: shown.accepted_at.map(Moment::from),
    })
}
