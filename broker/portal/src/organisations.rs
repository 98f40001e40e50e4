//! The pages of organisations: described once, with the size found from that, and their evidence.

pub(crate) mod accounts;
pub(crate) mod describe;
pub(crate) mod evidence;
pub(crate) mod evidence_view;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod groups;
pub(crate) mod show;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::MOST_AT_ONCE;
use broker_model::{Organisation, OrganisationId};
use broker_store::Page;

use crate::Portal;
use crate::fields::Fields;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "organisations.html")]
struct OrganisationsPage {
    f: Frame,
    organisations: Vec<Row>,
    older: Option<String>,
}

struct Row {
    id: String,
    name: String,
    country: String,
    size: String,
    is_mine: bool,
}

/// Those that the visitor speaks for; reviewers and operators are shown all.
pub(crate) async fn list(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let before = fields.text("before").map(organisation_id).transpose()?;
    let page = Page {
        limit: MOST_AT_ONCE,
        before,
    };
    let caller = member.caller();
    let found = portal.broker.organisations(caller, &page).await?;
    let texts = member.texts;
    let engine = portal.broker.policy();
    let titles = Titles::new(texts, &engine);
    let row = |it: &Organisation| Row {
        id: it.id.to_string(),
        name: it.name.clone(),
        country: titles.country(&it.country),
        size: texts.word(size_word(it.size)),
        is_mine: caller.represents(it.id),
    };
    html(&OrganisationsPage {
        f: member.frame(texts.of("orgs.title"), "organisations"),
        organisations: found.iter().map(row).collect(),
        older: broker_app::next_after(&found, |it| it.id.to_string()),
    })
}

/// A path that holds no id leads nowhere, as a foreign id does.
pub(crate) fn organisation_id(text: &str) -> Result<OrganisationId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

pub(crate) const fn size_word(size: broker_model::SizeClass) -> &'static str {
    use broker_model::SizeClass;
    match size {
        SizeClass::Micro => "micro",
        SizeClass::Small => "small",
        SizeClass::Medium => "medium",
        SizeClass::Large => "large",
        SizeClass::Unclear => "unclear",
    }
}
