//! What waits for reviewers: evidence to check and applications to decide. For others there are no such
//! pages.

pub(crate) mod application;
pub(crate) mod evidence;
pub(crate) mod screening;

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_app::{Error, next_after};
use broker_model::{Evidence, OrganisationId, Role};
use policy_engine::TitleKind;

use crate::Portal;
use crate::applications::{Row, application_id};
use crate::fields::Fields;
use crate::follow_ups::rows::OwedRow;
use crate::frame::{Frame, html};
use crate::organisations::evidence::evidence_id;
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words::Moment;

#[derive(Template)]
#[template(path = "reviews.html")]
struct ReviewsPage {
    f: Frame,
    evidence: Vec<EvidenceRow>,
    more_evidence: Option<String>,
    applications: Vec<Row>,
    more_applications: Option<String>,
    overdue: Vec<OwedRow>,
}

struct EvidenceRow {
    path: String,
    kind: String,
    organisation: String,
    added: Option<Moment>,
    files: usize,
    /// Of the reviewer's own organisation.
    is_own: bool,
}

/// Oldest first.
pub(crate) async fn queue(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    check_reviewer(&member)?;
    let (broker, caller) = (&portal.broker, member.caller());
    let after = fields.text("evidence").map(evidence_id).transpose()?;
    let evidence = broker.unchecked_evidence(caller, after).await?;
    let after = fields.text("application").map(application_id).transpose()?;
    let applications = broker.applications_to_decide(caller, after).await?;
    let overdue = broker.overdue_follow_ups(caller).await?;
    html(&ReviewsPage {
        f: member.frame(member.texts.of("review.title"), "reviews"),
        more_evidence: next_after(&evidence, |it| it.id.to_string()),
        evidence: portal.evidence_rows(&member, &evidence).await?,
        more_applications: next_after(&applications, |it| it.id.to_string()),
        applications: portal.application_rows(&member, &applications).await?,
        overdue: portal.owed_rows(member.texts, &overdue),
    })
}

fn check_reviewer(member: &Member) -> Result<(), Refusal> {
    if member.caller().is_reviewer() {
        return Ok(());
    }
    Err(Refusal::NoPage)
}

impl Portal {
    /// Organisations that the visitor speaks for or works in: others decide about those.
    pub(crate) async fn belongs_to(
        &self,
        member: &Member,
    ) -> Result<BTreeSet<OrganisationId>, Refusal> {
        let caller = member.caller();
        let mut own: BTreeSet<OrganisationId> = caller.organisations().into_iter().collect();
        for role in caller.roles.iter() {
            let (Role::Member { project } | Role::Lead { project }) = role else {
                continue;
            };
            let found = self.broker.store().find_project(*project).await;
            own.extend(found.map_err(Error::from)?.map(|it| it.organisation));
        }
        Ok(own)
    }

    async fn evidence_rows(
        &self,
        member: &Member,
        listed: &[Evidence],
    ) -> Result<Vec<EvidenceRow>, Refusal> {
        let (engine, own) = (self.broker.policy(), self.belongs_to(member).await?);
        let titles = Titles::new(member.texts, &engine);
        let mut rows = Vec::new();
        for one in listed {
            let of = one.organisation;
            let organisation = self.broker.organisation(member.caller(), of).await?;
            rows.push(EvidenceRow {
                path: format!("/reviews/evidence/{of}/{}", one.id),
                kind: titles.of(TitleKind::EvidenceKind, &one.kind.0),
                organisation: organisation.name,
                added: one.added_at.map(Moment::from),
                files: one.files.len(),
                is_own: own.contains(&of),
            });
        }
        Ok(rows)
    }
}
