//! The page of a site's administrators: what is set, what runs, and the forms that set it.

mod forms;
mod tables;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{Automation, JobId, SiteId};
use broker_store::Page;

use crate::Portal;
use crate::fields::{Fields, MemberForm};
use crate::frame::{Frame, html};
use crate::jobs::job_id;
use crate::refusal::Refusal;
use crate::sites::readiness;
use crate::visitor::Member;
use tables::Table;
pub(crate) use tables::words_of;

const JOBS: u32 = 200;

#[derive(Template)]
#[template(path = "site_admin.html")]
struct SiteAdminPage {
    f: Frame,
    id: String,
    name: String,
    class: &'static str,
    readiness: &'static str,
    reason: Option<String>,
    faults: Vec<String>,
    tables: Vec<Table>,
    /// Jobs wait for its people.
    asks: bool,
    /// People carry jobs to it.
    carries: bool,
    /// Systems and partitions as forms name them: `m`, `m/p`.
    scopes: Vec<String>,
    systems: Vec<String>,
    /// Ids and titles of what users are told of and is not over.
    going_on: Vec<(String, String)>,
    /// Of the table of jobs.
    is_first: bool,
    older: Option<String>,
}

/// For the site's administrators; for others there is no such page.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let site = site_id(&id)?;
    let before = fields.text("before").map(job_id).transpose()?;
    let page = portal.admin_page(&member, (&site, before), Vec::new());
    page.await
}

/// Does what a form of the page asks for, and shows the page again; with what is wrong if something is.
pub(crate) async fn set(
    State(portal): State<Portal>,
    Path((id, what)): Path<(String, String)>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let site = site_id(&id)?;
    let MemberForm { member, fields } = form;
    // Who may not see the page learns nothing from a form either.
    if !member.caller().is_admin_of(&site) {
        return Err(Refusal::NoPage);
    }
    match forms::set(&portal, (&member, &site), &what, &fields).await {
        Ok(()) => Ok(Redirect::to(&format!("/sites/{site}/admin")).into_response()),
        Err(Error::InvalidSite(faults)) => {
            let faults = faults.iter().map(ToString::to_string).collect();
            let page = portal.admin_page(&member, (&site, None), faults).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(
            error @ (Error::AlreadySo(_)
            | Error::InUse(_)
            | Error::NotFound("allocation" | "organisation")),
        ) => {
            let page = portal.admin_page(&member, (&site, None), vec![error.to_string()]);
            Ok((StatusCode::BAD_REQUEST, page.await?).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn site_id(text: &str) -> Result<SiteId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

impl Portal {
    async fn admin_page(
        &self,
        member: &Member,
        (site, before): (&SiteId, Option<JobId>),
        faults: Vec<String>,
    ) -> Result<Response, Refusal> {
        let (caller, texts) = (member.caller(), member.texts);
        let set = self.broker.controls(caller, site).await?;
        let page = Page {
            limit: JOBS,
            before,
        };
        let found = self.broker.site_jobs(caller, site, page).await?;
        let unknown = self.broker.unknown_accounts(caller, site).await?;
        let view = self.broker.site(site)?;
        let (class, key) = readiness(view.readiness);
        html(&SiteAdminPage {
            f: member.frame(&view.site.name, "sites"),
            id: site.to_string(),
            class,
            readiness: texts.of(key),
            reason: view.reason.clone(),
            faults,
            tables: tables::all(
                texts,
                (&view, &set),
                (&found.jobs, &unknown),
                self.broker.clock().now(),
            ),
            asks: view.site.automation == Automation::HumanConfirm,
            carries: view.site.takes_handoffs(),
            scopes: scopes(&view.site),
            systems: view
                .site
                .systems
                .iter()
                .map(|it| it.id.to_string())
                .collect(),
            going_on: { view.incidents.iter() }
                .map(|it| (it.id.to_string(), it.title.clone()))
                .collect(),
            is_first: before.is_none(),
            older: found.next.map(|it| it.to_string()),
            name: view.site.name,
        })
    }
}

fn scopes(site: &broker_model::Site) -> Vec<String> {
    let mut scopes = Vec::new();
    for system in &site.systems {
        scopes.push(system.id.to_string());
        let partitions = system.partitions.iter();
        scopes.extend(partitions.map(|it| format!("{}/{}", system.id, it.id)));
    }
    scopes
}
