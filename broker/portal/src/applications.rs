//! The pages of applications for access: what was applied for, how it stands, and the form.

pub(crate) mod new;
pub(crate) mod show;
pub(crate) mod view;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_model::{Application, ApplicationId, OrganisationId};
use policy_engine::{Engine, TitleKind};

use self::view::{ClockView, state};
use crate::Portal;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "applications.html")]
struct ApplicationsPage {
    f: Frame,
    applications: Vec<Row>,
    speaks: bool,
}

/// One application in a list.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) organisation: String,
    pub(crate) mode: String,
    pub(crate) system: String,
    pub(crate) applied: Moment,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    pub(crate) clock: Option<ClockView>,
}

/// Those of the organisations that the visitor speaks for, newest first.
pub(crate) async fn list(
    State(portal): State<Portal>,
    member: Member,
) -> Result<Response, Refusal> {
    let mut mine = portal.broker.my_applications(member.caller()).await?;
    mine.sort_by_key(|it| std::cmp::Reverse(it.id));
    let texts = member.texts;
    html(&ApplicationsPage {
        f: member.frame(texts.of("apply.title"), "applications"),
        applications: portal.application_rows(&member, &mine).await?,
        speaks: !member.caller().organisations().is_empty(),
    })
}

pub(crate) fn application_id(text: &str) -> Result<ApplicationId, Refusal> {
    text.parse().map_err(|_| Refusal::NoPage)
}

impl Portal {
    pub(crate) async fn application_rows(
        &self,
        member: &Member,
        listed: &[Application],
    ) -> Result<Vec<Row>, Refusal> {
        let mut names: BTreeMap<OrganisationId, String> = BTreeMap::new();
        for one in listed {
            if let Entry::Vacant(unread) = names.entry(one.organisation) {
                let found = self.broker.organisation(member.caller(), one.organisation);
                unread.insert(found.await?.name);
            }
        }
        let engine = self.broker.policy();
        let name = |one: &Application| names.get(&one.organisation).cloned().unwrap_or_default();
        Ok({ listed.iter() }
            .map(|one| self.row((member, &engine), one, name(one)))
            .collect())
    }

    fn row(
        &self,
        (member, engine): (&Member, &Engine),
        one: &Application,
        organisation: String,
    ) -> Row {
        let texts = member.texts;
        let (class, state) = state(texts, &one.state);
        Row {
            id: one.id.to_string(),
            project: one.project.name.clone(),
            organisation,
            mode: Titles::new(texts, engine).of(TitleKind::Mode, &one.mode),
            system: one.system.clone(),
            applied: one.applied_at.into(),
            class,
            state,
            clock: self.clock_of(texts, one),
        }
    }
}
