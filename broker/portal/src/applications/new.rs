//! Applying: the form asks what the mode asks for and nobody has said yet.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{ApplicationForm, Error, FormField};
use broker_model::{
    Application, ApplicationAid, ApplicationDraft, ApplicationNeed, ApplicationProject,
    OrganisationId,
};
use policy_engine::TitleKind;

use crate::Portal;
use crate::ai_act::{self, Boxes};
use crate::contact::names::Names;
use crate::decision::DecisionView;
use crate::fields::{Fields, MemberForm};
use crate::form::Typed;
use crate::frame::{Frame, html};
use crate::organisations::organisation_id;
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::twice;
use crate::visitor::Member;

/// Boxes of that list.
pub(crate) const SECTORS: &str = "project.sectors";

#[derive(Template)]
#[template(path = "application_form.html")]
struct ApplyPage {
    f: Frame,
    organisation: String,
    organisation_id: String,
    mode: String,
    mode_id: String,
    system: String,
    key: String,
    closed: Option<ClosedView>,
    no_cut_off: Option<String>,
    known: Vec<FieldView>,
    asked: Vec<FieldView>,
    ai_act: Vec<Boxes>,
    sectors: Boxes,
    typed: Typed,
    /// Why it cannot be handed in.
    decision: Option<DecisionView>,
}

/// The mode is not open at the system today.
struct ClosedView {
    why: Option<String>,
}

struct FieldView {
    name: String,
    label: String,
    shape: Shape,
    known: Option<String>,
    source: String,
    certain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    Area,
    Number,
    YesOrNo,
    Sectors,
}

/// Which form it is: of one organisation, for one mode at one system.
struct Which {
    organisation: OrganisationId,
    form: ApplicationForm,
}

pub(crate) async fn form(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    typed.tick_listed(SECTORS);
    // Without all three there is nothing to apply for yet.
    let named = ["organisation", "mode", "system"].map(|it| typed.some(it).is_some());
    if named.contains(&false) {
        return Ok(Redirect::to("/routes").into_response());
    }
    let which = portal.which(&member, &typed).await?;
    portal.apply_page(&member, which, (typed, None)).await
}

pub(crate) async fn send(
    State(portal): State<Portal>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let mut typed = Typed::from(fields);
    typed.tick_listed(SECTORS);
    let which = portal.which(&member, &typed).await?;
    let draft = draft(&which, &mut typed);
    if typed.is_wrong() {
        return portal
            .apply_page(&member, which, (typed.unread(), None))
            .await;
    }
    let turn = portal.turn(&member, (&typed, &draft), path);
    let once = match turn.await? {
        Ok(once) => once,
        Err(done) => return Ok(done),
    };
    match portal
        .broker
        .apply(member.caller(), once.order(&draft))
        .await
    {
        Ok(made) => Ok(Redirect::to(&path(&made)).into_response()),
        Err(Error::NotEligible(asked)) => {
            typed.status = StatusCode::FORBIDDEN;
            let decision = DecisionView::asked(member.texts, &portal.broker.policy(), &asked);
            portal
                .apply_page(&member, which, (typed, Some(decision)))
                .await
        }
        Err(error) => {
            let typed = typed.refused(member.texts, error)?;
            portal.apply_page(&member, which, (typed, None)).await
        }
    }
}

impl Portal {
    async fn which(&self, member: &Member, typed: &Typed) -> Result<Which, Refusal> {
        let organisation = organisation_id(typed.value("organisation"))?;
        if !member.caller().represents(organisation) {
            return Err(Refusal::NoPage);
        }
        let (mode, system) = (typed.value("mode"), typed.value("system"));
        let engine = self.broker.policy();
        let mut offers = { engine.modes().iter() }
            .filter(|it| it.id == mode)
            .flat_map(|it| &it.offers);
        if !offers.any(|it| it.value.system == system) {
            return Err(Refusal::NoPage);
        }
        let asked = (organisation, mode, system);
        let form = self
            .broker
            .application_form(member.caller(), asked, member.texts.lang())
            .await?;
        Ok(Which { organisation, form })
    }

    async fn apply_page(
        &self,
        member: &Member,
        which: Which,
        (mut typed, decision): (Typed, Option<DecisionView>),
    ) -> Result<Response, Refusal> {
        let (texts, status) = (member.texts, typed.status);
        let Which { organisation, form } = which;
        let found = self
            .broker
            .organisation(member.caller(), organisation)
            .await?;
        let engine = self.broker.policy();
        let titles = Titles::new(texts, &engine);
        // These have boxes of their own.
        let plain = { form.fields.iter() }.filter(|it| !it.name.starts_with(ai_act::FIELDS));
        let views = plain.map(|it| FieldView::new(titles, it));
        let (known, asked): (Vec<_>, Vec<_>) =
            views.partition(|it| it.name.starts_with("organisation."));
        typed.labels = { asked.iter() }
            .map(|it: &FieldView| (it.name.clone(), it.label.clone()))
            .collect();
        let mut response = html(&ApplyPage {
            f: member.frame(texts.of("apply.new"), "applications"),
            organisation: found.name,
            organisation_id: organisation.to_string(),
            mode: titles.of(TitleKind::Mode, &form.mode),
            mode_id: form.mode,
            system: form.system,
            key: twice::key(&typed),
            closed: form.closed.map(|it| ClosedView { why: it.why }),
            no_cut_off: { form.no_cut_off_after }
                .map(|day| texts.with("ways.no_cut_off_after", &[("day", &day.to_string())])),
            known,
            asked,
            ai_act: ai_act::boxes(titles),
            sectors: Names::new(self, texts).sector_boxes(SECTORS, texts.of("ways.sectors")),
            typed,
            decision,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

fn path(application: &Application) -> String {
    format!("/applications/{}", application.id)
}

/// Only answers that the form asks for are read.
fn draft(which: &Which, typed: &mut Typed) -> ApplicationDraft {
    let answers = which.form.fields.iter().filter_map(|field| {
        let kind = field.name.strip_prefix("answers.")?;
        Some((kind.to_owned(), typed.some(&field.name)?))
    });
    ApplicationDraft {
        organisation: which.organisation,
        mode: which.form.mode.clone(),
        system: which.form.system.clone(),
        answers: answers.collect(),
        aid: aid(typed),
        project: ApplicationProject {
            ai_act: ai_act::read(typed),
            name: typed.text("project.name"),
            purpose: typed.text("project.purpose"),
            civilian: typed.yes_or_no("project.civilian"),
            eu_project: typed.yes_or_no("project.eu_project"),
            sectors: typed.ticked(SECTORS),
        },
        need: ApplicationNeed {
            gpu_hours: number(typed, "need.gpu_hours"),
            months: number(typed, "need.months"),
            storage_tib: typed.read("need.storage_tib", "a whole number of TiB, or nothing"),
            data: typed.list("need.data"),
            support: typed.list("need.support"),
        },
    }
}

/// Nothing where nobody said what there was; a worth by itself declares nothing.
pub(crate) fn aid(typed: &mut Typed) -> Option<ApplicationAid> {
    let received = typed.read("aid.received_eur", "whole euros");
    let worth_eur = typed.read("aid.worth_eur", "whole euros");
    if typed.some("aid.received_eur").is_none() && typed.some("aid.worth_eur").is_some() {
        typed.wrong("aid.received_eur", "is missing", "whole euros");
    }
    received.map(|received_eur| ApplicationAid {
        received_eur,
        worth_eur,
    })
}

/// What is left out is for the use case to miss, with all else that is.
fn number(typed: &mut Typed, name: &str) -> u32 {
    typed
        .read(name, "a whole number, 1 and more")
        .unwrap_or_default()
}

impl FieldView {
    fn new(titles: Titles<'_>, field: &FormField) -> Self {
        let (label, shape) = label(titles, &field.name);
        Self {
            name: field.name.clone(),
            label,
            shape,
            known: field
                .known
                .as_deref()
                .map(|it| known(titles, &field.name, it)),
            source: field.source.clone(),
            certain: field.certain,
        }
    }
}

fn known(titles: Titles<'_>, name: &str, value: &str) -> String {
    match name {
        "organisation.country" => titles.country(value),
        _ => titles.texts.word(value),
    }
}

fn label(titles: Titles<'_>, name: &str) -> (String, Shape) {
    let (key, shape) = match name {
        "organisation.country" => ("orgs.country", Shape::Line),
        "organisation.kind" => ("orgs.kind", Shape::Line),
        "organisation.size" => ("orgs.size", Shape::Line),
        "project.name" => ("apply.project", Shape::Line),
        "project.purpose" => ("apply.purpose", Shape::Area),
        SECTORS => ("ways.sectors", Shape::Sectors),
        "project.civilian" => ("ways.civilian", Shape::YesOrNo),
        "project.eu_project" => ("ways.eu_project", Shape::YesOrNo),
        "aid.received_eur" => ("apply.aid_received", Shape::Number),
        "aid.worth_eur" => ("apply.aid_worth", Shape::Number),
        "need.gpu_hours" => ("ways.gpu_hours", Shape::Number),
        "need.months" => ("ways.months_field", Shape::Number),
        "need.storage_tib" => ("apply.storage", Shape::Number),
        "need.data" => ("apply.data", Shape::Line),
        "need.support" => ("apply.support", Shape::Line),
        other => {
            let kind = other.rsplit('.').next().unwrap_or(other);
            return (titles.of(TitleKind::Document, kind), Shape::Area);
        }
    };
    (titles.texts.of(key).to_owned(), shape)
}
