//! What people carry to a site, on a page where its administrators tell what becomes of it.

mod told;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Error, next_after};
use broker_model::{AttemptId, HandoffView, SiteId, StateName};

use crate::Portal;
use crate::fields::{Fields, MemberForm};
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::{self, Moment};

#[derive(Template)]
#[template(path = "handoffs.html")]
struct HandoffsPage {
    f: Frame,
    site: String,
    heading: String,
    may_tell: bool,
    faults: Vec<String>,
    carried: Vec<CarriedCard>,
    is_first: bool,
    /// Where the page after this one begins.
    next: Option<String>,
}

struct CarriedCard {
    job: String,
    /// What the forms name it by: a job that was declined may come again under another marker.
    marker: String,
    name: String,
    state: &'static str,
    partition: String,
    size: String,
    owner: String,
    remote: Option<String>,
    since: Moment,
    fetched: bool,
    cancel_requested: bool,
    next: Next,
}

/// What can be told next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Submission,
    Start,
    End,
    Usage,
}

/// What is carried to this site and not settled, oldest first.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(site): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let site: SiteId = site.parse().map_err(|_| Refusal::NoPage)?;
    let after = fields.text("after").map(str::parse).transpose();
    let after = after.map_err(|_| Refusal::NoPage)?;
    let page = portal.handoffs_page(&member, (&site, after), Vec::new());
    page.await
}

/// Takes what a form tells and shows what is left to tell; with what is wrong if something is.
pub(crate) async fn tell(
    State(portal): State<Portal>,
    Path((site, marker)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let site: SiteId = site.parse().map_err(|_| Refusal::NoPage)?;
    let marker: AttemptId = marker.parse().map_err(|_| Refusal::NoPage)?;
    let told = match told::read(&fields, portal.broker.clock().now()) {
        Ok(report) => {
            let caller = member.caller();
            let told = portal.broker.report_handoff(caller, &site, marker, &report);
            told.await.map(drop)
        }
        Err(fault) => Err(Error::InvalidSpec(vec![fault])),
    };
    let (status, faults) = match told {
        Ok(()) => {
            return Ok(Redirect::to(&format!("/sites/{site}/handoffs")).into_response());
        }
        Err(Error::InvalidSpec(faults)) => {
            let faults = faults.iter().map(ToString::to_string).collect();
            (StatusCode::BAD_REQUEST, faults)
        }
        Err(Error::NotWaiting(words)) => (StatusCode::CONFLICT, vec![words]),
        Err(error) => return Err(error.into()),
    };
    let page = portal.handoffs_page(&member, (&site, None), faults).await?;
    Ok((status, page).into_response())
}

impl Portal {
    async fn handoffs_page(
        &self,
        member: &Member,
        (site, after): (&SiteId, Option<AttemptId>),
        faults: Vec<String>,
    ) -> Result<Response, Refusal> {
        let (caller, texts) = (member.caller(), member.texts);
        let carried = self.broker.handoffs(caller, site, after).await?;
        let named = self.broker.site(site)?.site.name;
        html(&HandoffsPage {
            f: member.frame(texts.of("handoffs.title"), "sites"),
            heading: texts.with("handoffs.heading", &[("site", &named)]),
            may_tell: caller.administers(site),
            site: site.to_string(),
            faults,
            is_first: after.is_none(),
            next: next_after(&carried, |one| one.attempt.to_string()),
            carried: carried
                .into_iter()
                .map(|one| CarriedCard::new(texts, one))
                .collect(),
        })
    }
}

impl CarriedCard {
    fn new(texts: Texts, one: HandoffView) -> Self {
        let asked = &one.resources;
        let (nodes, gpus) = (asked.nodes.to_string(), asked.gpus_per_node.to_string());
        let size = texts.with("job.size", &[("nodes", &nodes), ("gpus", &gpus)]);
        let walltime = words::duration(texts, asked.walltime.seconds().into());
        let at_most = texts.with("job.at_most", &[("walltime", &walltime)]);
        Self {
            job: one.job.to_string(),
            marker: one.attempt.to_string(),
            name: one.name,
            state: words::state(texts, one.state),
            partition: one.partition.to_string(),
            size: format!("{size}, {at_most}"),
            owner: one.owner_name.unwrap_or_else(|| one.owner.to_string()),
            remote: one.remote_id.map(|it| it.to_string()),
            since: one.prepared_at.into(),
            fetched: one.fetched,
            cancel_requested: one.cancel_requested,
            next: Next::after(one.state),
        }
    }

    /// Whether it is yet to come there, which can be told or denied.
    fn may_come(&self) -> bool {
        self.next == Next::Submission
    }

    fn may_start(&self) -> bool {
        self.next == Next::Start
    }

    /// One that is short may be over when its start is told.
    fn may_end(&self) -> bool {
        matches!(self.next, Next::Start | Next::End)
    }

    fn may_be_charged(&self) -> bool {
        self.next == Next::Usage
    }
}

impl Next {
    const fn after(state: StateName) -> Self {
        match state {
            StateName::Queued => Self::Start,
            StateName::Running => Self::End,
            state if state.is_final() => Self::Usage,
            _ => Self::Submission,
        }
    }
}
