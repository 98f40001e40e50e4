//! The single point of contact: one short form, and who helps with that, for what reasons. The question is
//! in the address, and nothing of it is stored.

pub(crate) mod names;
pub(crate) mod need;
pub(crate) mod refer;
mod view;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{CentreQuery, Ranking};
use broker_model::{Job, JobId, Organisation, StateName};

use self::names::Names;
use self::need::{NeedForm, carried};
use self::view::{CentreView, ExcludedView, FinanceView, ReasonView};
use crate::Portal;
use crate::fields::Fields;
use crate::form::{Choice, Typed};
use crate::frame::{Frame, html};
use crate::jobs::job_id;
use crate::refusal::Refusal;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "contact.html")]
struct ContactPage {
    f: Frame,
    typed: Typed,
    about: Option<About>,
    organisations: Vec<Choice>,
    form: NeedForm,
    /// None before anything was asked.
    answer: Option<Answer>,
    finance: Vec<FinanceView>,
}

struct Answer {
    on: String,
    notes: Vec<ReasonView>,
    centres: Vec<CentreView>,
    cannot: Vec<ExcludedView>,
    /// A referral is sent for an organisation that the visitor speaks for, or with a job.
    may_refer: bool,
}

/// A job that failed, which help is looked for with: its project says for which organisation.
pub(crate) struct About {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) organisation: Organisation,
}

pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let typed = Typed::from(fields);
    let about = portal.about(&member, &typed).await?;
    if typed.some("ask").is_none() {
        return portal.contact_page(&member, typed, (about, None)).await;
    }
    let (typed, ranking) = portal.ranked(&member, typed, about.as_ref()).await?;
    portal.contact_page(&member, typed, (about, ranking)).await
}

/// Whether there is anything that a centre could be asked about.
pub(crate) const fn has_failed(job: &Job) -> bool {
    matches!(job.state.name(), StateName::Failed | StateName::TimedOut)
}

impl Portal {
    /// The job that the page is about, if any; for who is no member of its project there is no such page.
    pub(crate) async fn about(
        &self,
        member: &Member,
        typed: &Typed,
    ) -> Result<Option<About>, Refusal> {
        let Some(id) = typed.some("job") else {
            return Ok(None);
        };
        let caller = member.caller();
        let job = self.broker.job(caller, job_id(&id)?).await?;
        if !caller.may_use(job.spec.project) || !has_failed(&job) {
            return Err(Refusal::NoPage);
        }
        let mut standings = self.broker.my_projects(caller).await?.into_iter();
        let standing = standings.find(|it| it.project.id == job.spec.project);
        Ok(Some(About {
            id: job.id,
            name: job.spec.name,
            organisation: standing.ok_or(Refusal::NoPage)?.organisation,
        }))
    }

    async fn ranked(
        &self,
        member: &Member,
        mut typed: Typed,
        about: Option<&About>,
    ) -> Result<(Typed, Option<Ranking>), Refusal> {
        let query = query(&mut typed, about);
        if typed.is_wrong() {
            return Ok((typed.unread(), None));
        }
        match self.broker.find_centres(member.caller(), &query).await {
            Ok(ranking) => Ok((typed, Some(ranking))),
            Err(error) => Ok((typed.refused(member.texts, error)?, None)),
        }
    }

    async fn contact_page(
        &self,
        member: &Member,
        typed: Typed,
        (about, ranking): (Option<About>, Option<Ranking>),
    ) -> Result<Response, Refusal> {
        let (texts, status) = (member.texts, typed.status);
        let names = Names::new(self, texts);
        let may_refer = about.is_some() || !member.caller().organisations().is_empty();
        let carried = may_refer.then(|| carried(&typed));
        let finance = names.directory.finance().iter();
        let mut response = html(&ContactPage {
            f: member.frame(texts.of("contact.title"), "contact"),
            about,
            organisations: self.own_organisations(member).await?,
            form: NeedForm::new(&names),
            answer: ranking.map(|it| Answer::new(&names, &it, carried.as_deref())),
            finance: finance.map(|it| FinanceView::new(&names, it)).collect(),
            typed,
        })?;
        *response.status_mut() = status;
        Ok(response)
    }
}

/// Where an organisation is established, and its size, are only read where none is named.
fn query(typed: &mut Typed, about: Option<&About>) -> CentreQuery {
    let mut need = need::read(typed);
    if let Some(about) = about {
        need.country = Some(about.organisation.country.clone());
        need.size = Some(about.organisation.size);
        return CentreQuery {
            organisation: None,
            need,
        };
    }
    let organisation = typed.read("organisation", "one of the list");
    if organisation.is_some() {
        (need.country, need.size) = (None, None);
    }
    CentreQuery { organisation, need }
}

impl Answer {
    fn new(names: &Names, ranking: &Ranking, carried: Option<&[(String, String)]>) -> Self {
        let notes = ranking.notes.iter().map(|it| ReasonView::new(names, it));
        let able = ranking.centres.iter();
        let cannot = ranking.cannot.iter();
        Self {
            on: ranking.on.to_string(),
            notes: notes.collect(),
            centres: able.map(|it| CentreView::new(names, it, carried)).collect(),
            cannot: cannot.map(|it| ExcludedView::new(names, it)).collect(),
            may_refer: carried.is_some(),
        }
    }
}
