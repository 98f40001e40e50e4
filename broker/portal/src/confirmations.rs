//! What waits for a site's people, on a page of its own for its administrators.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::{Answer, next_after};
use broker_model::{ConfirmationView, JobId, SiteId};
use policy_engine::TitleKind;

use crate::Portal;
use crate::fields::{Fields, MemberForm};
use crate::frame::{Frame, html};
use crate::jobs::job_id;
use crate::refusal::Refusal;
use crate::titles::Titles;
use crate::visitor::Member;
use crate::words::{self, Moment};

#[derive(Template)]
#[template(path = "confirmations.html")]
struct ConfirmationsPage {
    f: Frame,
    site: String,
    heading: String,
    may_answer: bool,
    waiting: Vec<WaitingCard>,
    is_first: bool,
    /// Where the page after this one begins.
    next: Option<String>,
}

struct WaitingCard {
    id: String,
    name: String,
    since: Moment,
    until: Moment,
    partition: String,
    size: String,
    held: String,
    project: String,
    call: Option<String>,
    sectors: Option<String>,
    organisation: String,
    organisation_id: String,
    share: String,
    allocation: String,
    owner: String,
    sensitivity: String,
    image: Option<String>,
    script: String,
    script_sha256: String,
    grounds: Vec<GroundRow>,
}

struct GroundRow {
    title: String,
    words: String,
    source: String,
}

/// The jobs that wait for this site, oldest first.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(site): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let site: SiteId = site.parse().map_err(|_| Refusal::NoPage)?;
    let after = fields.text("after").map(job_id).transpose()?;
    let (caller, texts) = (member.caller(), member.texts);
    let waiting = portal.broker.confirmations(caller, &site, after).await?;
    let engine = portal.broker.policy();
    let named = portal.broker.site(&site)?.site.name;
    html(&ConfirmationsPage {
        f: member.frame(texts.of("confirmations.title"), "sites"),
        heading: texts.with("confirmations.heading", &[("site", &named)]),
        may_answer: caller.administers(&site),
        site: site.to_string(),
        is_first: after.is_none(),
        next: next_after(&waiting, |one| one.job.to_string()),
        waiting: waiting
            .into_iter()
            .map(|one| WaitingCard::new(Titles::new(texts, &engine), one))
            .collect(),
    })
}

/// Takes an answer and shows what still waits.
pub(crate) async fn answer(
    State(portal): State<Portal>,
    Path((site, job)): Path<(String, String)>,
    MemberForm { member, fields }: MemberForm,
) -> Result<Response, Refusal> {
    let site: SiteId = site.parse().map_err(|_| Refusal::NoPage)?;
    let job: JobId = job.parse().map_err(|_| Refusal::NoPage)?;
    let answer = match fields.text("decision") {
        Some("confirm") => Answer::Confirm,
        Some("decline") => Answer::Decline {
            reason: fields.text("reason").unwrap_or_default().to_owned(),
        },
        _ => return Err(Refusal::Unreadable),
    };
    let caller = member.caller();
    portal
        .broker
        .answer_confirmation(caller, &site, job, answer)
        .await?;
    Ok(Redirect::to(&format!("/sites/{site}/confirmations")).into_response())
}

impl WaitingCard {
    fn new(titles: Titles<'_>, one: ConfirmationView) -> Self {
        let texts = titles.texts;
        let asked = &one.resources;
        let (nodes, gpus) = (asked.nodes.to_string(), asked.gpus_per_node.to_string());
        let size = texts.with("job.size", &[("nodes", &nodes), ("gpus", &gpus)]);
        let walltime = words::duration(texts, asked.walltime.seconds().into());
        let at_most = texts.with("job.at_most", &[("walltime", &walltime)]);
        Self {
            id: one.job.to_string(),
            since: one.waits_since.into(),
            until: one.expires_at.into(),
            partition: one.partition.to_string(),
            size: format!("{size}, {at_most}"),
            held: words::hours(one.held_unit_ms),
            project: one.project_name,
            call: one.call_reference,
            sectors: Some(one.sectors.join(", ")).filter(|it| !it.is_empty()),
            organisation: format!(
                "{}, {} ({})",
                one.organisation_name,
                titles.of(TitleKind::Country, &one.country),
                word(&one.size)
            ),
            organisation_id: one.organisation.to_string(),
            share: one.share.to_string(),
            owner: one.owner_name.unwrap_or_else(|| one.owner.to_string()),
            allocation: one.allocation.to_string(),
            sensitivity: word(&one.data.sensitivity),
            image: one.image,
            script: one.script,
            script_sha256: one.script_sha256,
            grounds: one.grounds.into_iter().map(GroundRow::from).collect(),
            name: one.name,
        }
    }
}

impl From<broker_model::Ground> for GroundRow {
    fn from(ground: broker_model::Ground) -> Self {
        Self {
            title: ground.title,
            words: ground.words,
            source: format!("{} ({})", ground.source, ground.rule),
        }
    }
}

/// A word of the model as it is on the wire: these are terms of law and schedulers in any language.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
