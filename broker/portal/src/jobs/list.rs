use askama::Template;
use axum::extract::State;
use axum::response::Response;
use broker_model::{Job, JobId, StateName};
use broker_store::{JobFilter, Page};
use url::form_urlencoded::Serializer;

use crate::Portal;
use crate::fields::Fields;
use crate::frame::{Frame, html};
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::{self, Moment};

const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    f: Frame,
    filters: Vec<FilterOption>,
    is_filtered: bool,
    is_first: bool,
    jobs: Vec<JobRow>,
    next: Option<String>,
}

struct FilterOption {
    value: &'static str,
    words: &'static str,
    selected: bool,
}

struct JobRow {
    id: String,
    name: String,
    class: &'static str,
    state: &'static str,
    at: Option<String>,
    size: String,
    submitted: Moment,
}

/// Jobs of the caller's projects, newest first, fifty on a page.
pub(crate) async fn list(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let asked = fields.text("state").unwrap_or("all");
    let before = fields.text("before").map(super::job_id).transpose()?;
    let page = Page {
        limit: ROWS,
        before,
    };
    let found = portal
        .broker
        .jobs(member.caller(), filter(asked), page)
        .await?;
    let texts = member.texts;
    html(&JobsPage {
        f: member.frame(texts.of("jobs.title"), "jobs"),
        filters: filters(texts, asked),
        is_filtered: asked != "all",
        is_first: before.is_none(),
        jobs: found
            .jobs
            .iter()
            .map(|job| JobRow::new(texts, job))
            .collect(),
        next: found.next.map(|next| next_page(asked, next)),
    })
}

fn filter(asked: &str) -> JobFilter {
    JobFilter {
        active: asked == "active",
        states: StateName::parse(asked).into_iter().collect(),
        ..JobFilter::default()
    }
}

fn filters(texts: Texts, asked: &str) -> Vec<FilterOption> {
    let option = |value, words| FilterOption {
        value,
        words,
        selected: value == asked,
    };
    let general = [
        option("all", texts.of("jobs.all")),
        option("active", texts.of("jobs.active")),
    ];
    let states = StateName::ALL
        .into_iter()
        .map(|name| option(name.as_str(), words::state(texts, name)));
    general.into_iter().chain(states).collect()
}

fn next_page(asked: &str, before: JobId) -> String {
    let mut query = Serializer::new(String::new());
    query
        .append_pair("state", asked)
        .append_pair("before", &before.to_string());
    format!("/jobs?{}", query.finish())
}

impl JobRow {
    fn new(texts: Texts, job: &Job) -> Self {
        let name = job.state.name();
        let resources = &job.spec.resources;
        let nodes = resources.nodes.to_string();
        let gpus = resources.gpus_per_node.to_string();
        Self {
            id: job.id.to_string(),
            name: job.spec.name.clone(),
            class: super::facts::state_class(name),
            state: words::state(texts, name),
            at: job.state.partition().map(ToString::to_string),
            size: texts.with("job.size", &[("nodes", &nodes), ("gpus", &gpus)]),
            submitted: job.created_at.into(),
        }
    }
}
