//! Describing an organisation, for the first time or anew.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, organisation_tag};
use broker_model::{Organisation, OrganisationDraft, OrganisationKind, SizeClass};
use serde_json::Value;

use super::accounts::{self, PeriodRow};
use super::groups::{self, Filled, GroupRow, LINKED, MORE, PARTNERS};
use super::{facts, organisation_id};
use crate::Portal;
use crate::fields::MemberForm;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::twice;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "organisation_form.html")]
struct DescribePage {
    f: Frame,
    /// Where the form goes.
    action: String,
    is_new: bool,
    key: String,
    /// The description that this one is made on.
    made_on: String,
    typed: Typed,
    kinds: Vec<Choice>,
    sizes: Vec<Choice>,
    rows: Vec<PeriodRow>,
    groups: Vec<Group>,
}

/// Partners, or linked enterprises.
struct Group {
    list: &'static str,
    legend: &'static str,
    words: &'static str,
    add: &'static str,
    shown: String,
    rows: Vec<GroupRow>,
}

pub(crate) async fn form(member: Member) -> Result<Response, Refusal> {
    new_page(&member, Typed::default())
}

pub(crate) async fn register(
    State(portal): State<Portal>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    if !typed.value(MORE).is_empty() {
        return new_page(&member, typed);
    }
    let (draft, filled) = draft(&portal, &mut typed, None);
    let Some(draft) = draft else {
        return new_page(&member, typed.unread());
    };
    let turn = portal.turn(&member, (&typed, &draft), path);
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    let caller = member.caller();
    let made = portal
        .broker
        .register_organisation(caller, once.order(&draft));
    match made.await {
        Ok(made) => Ok(Redirect::to(&path(&made)).into_response()),
        Err(error) => {
            let typed = refused(&member, (typed, &filled), error)?;
            new_page(&member, typed)
        }
    }
}

pub(crate) async fn edit(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let organisation = portal.own(&member, &id).await?;
    let typed = facts::filled_in(&organisation);
    let made_on = organisation_tag(&organisation);
    edit_page(&member, (&organisation, made_on), typed)
}

pub(crate) async fn describe(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let before = portal.own(&member, &id).await?;
    let mut typed = Typed::from(fields);
    let made_on = typed.text("made_on");
    if !typed.value(MORE).is_empty() {
        return edit_page(&member, (&before, made_on), typed);
    }
    let (draft, filled) = draft(&portal, &mut typed, before.size_facts.as_ref());
    let Some(draft) = draft else {
        return edit_page(&member, (&before, made_on), typed.unread());
    };
    let on = (Some(made_on.as_str()), &draft);
    let described = portal
        .broker
        .describe_organisation(member.caller(), before.id, on);
    match described.await {
        Ok(after) => Ok(Redirect::to(&path(&after)).into_response()),
        Err(error) => {
            // Who sends again what was typed, having been told, means it.
            let newest = match &error {
                Error::OtherDocument { current } => current.clone(),
                _ => None,
            };
            let typed = refused(&member, (typed, &filled), error)?;
            edit_page(&member, (&before, newest.unwrap_or(made_on)), typed)
        }
    }
}

impl Portal {
    /// For who speaks for it; for others there is no such form.
    async fn own(&self, member: &Member, id: &str) -> Result<Organisation, Refusal> {
        let id = organisation_id(id)?;
        if !member.caller().represents(id) {
            return Err(Refusal::NoPage);
        }
        Ok(self.broker.organisation(member.caller(), id).await?)
    }
}

fn refused(
    member: &Member,
    (typed, filled): (Typed, &Filled),
    error: Error,
) -> Result<Typed, Refusal> {
    let mut typed = typed.refused(member.texts, error)?;
    accounts::at_their_rows(&mut typed, filled);
    Ok(typed)
}

/// None where the form cannot be read; then what is wrong with the rest of it is told, too.
fn draft(
    portal: &Portal,
    typed: &mut Typed,
    before: Option<&Value>,
) -> (Option<OrganisationDraft>, Filled) {
    let kind = kind(typed);
    let founded_on = typed.day("founded_on");
    let (size_facts, filled) = accounts::read(typed, before);
    let draft = OrganisationDraft {
        name: typed.text("name"),
        country: typed.text("country").to_uppercase(),
        kind: kind.unwrap_or(OrganisationKind::Company),
        startup: typed.yes_or_no("startup"),
        founded_on,
        identifiers: facts::identifiers(typed),
        size: size(typed.value("size")),
        size_facts,
    };
    if !typed.is_wrong() {
        return (Some(draft), filled);
    }
    // Of accounts that were not read whole, and of a kind that was not said, nothing is known.
    let told = ["name", "country", "founded_on", "identifiers."];
    for fault in portal.broker.description_faults(&draft) {
        let is_told = told.iter().any(|it| fault.field.starts_with(it));
        if is_told && typed.fault(&fault.field).is_none() {
            typed.faults.push(fault);
        }
    }
    (None, filled)
}

fn kind(typed: &mut Typed) -> Option<OrganisationKind> {
    let kind = match typed.value("kind") {
        "company" => OrganisationKind::Company,
        "research" => OrganisationKind::Research,
        "public_sector" => OrganisationKind::PublicSector,
        _ => {
            typed.wrong("kind", "is missing", "company, research, public_sector");
            return None;
        }
    };
    Some(kind)
}

pub(crate) fn size(word: &str) -> Option<SizeClass> {
    Some(match word {
        "micro" => SizeClass::Micro,
        "small" => SizeClass::Small,
        "medium" => SizeClass::Medium,
        "large" => SizeClass::Large,
        _ => return None,
    })
}

fn path(organisation: &Organisation) -> String {
    format!("/organisations/{}", organisation.id)
}

fn new_page(member: &Member, typed: Typed) -> Result<Response, Refusal> {
    let page = DescribePage::new(member, "/organisations/new".to_owned(), typed);
    answer(&page)
}

fn edit_page(
    member: &Member,
    (organisation, made_on): (&Organisation, String),
    typed: Typed,
) -> Result<Response, Refusal> {
    let page = DescribePage::new(member, format!("{}/edit", path(organisation)), typed);
    answer(&DescribePage {
        is_new: false,
        made_on,
        ..page
    })
}

fn answer(page: &DescribePage) -> Result<Response, Refusal> {
    let mut response = html(page)?;
    *response.status_mut() = page.typed.status;
    Ok(response)
}

impl DescribePage {
    fn new(member: &Member, action: String, typed: Typed) -> Self {
        let texts = member.texts;
        let periods = accounts::rows(&typed).len();
        let group = |list, legend, words, add| Group {
            list,
            legend: texts.of(legend),
            words: texts.of(words),
            add: texts.of(add),
            shown: groups::shown(list),
            rows: groups::rows(&typed, list, periods),
        };
        Self {
            f: member.frame(texts.of("orgs.describe"), "organisations"),
            action,
            is_new: true,
            key: twice::key(&typed),
            made_on: String::new(),
            kinds: Choice::of_words(
                texts,
                "form.choose",
                &["company", "research", "public_sector"],
            ),
            sizes: Choice::of_words(
                texts,
                "orgs.size_unsaid",
                &["micro", "small", "medium", "large"],
            ),
            groups: vec![
                group(
                    PARTNERS,
                    "orgs.partner",
                    "orgs.partners_words",
                    "orgs.add_partner",
                ),
                group(
                    LINKED,
                    "orgs.linked",
                    "orgs.linked_words",
                    "orgs.add_linked",
                ),
            ],
            rows: accounts::rows(&typed),
            typed,
        }
    }
}
