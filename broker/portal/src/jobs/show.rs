use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::Error;
use broker_model::{Attempt, Confirmation, Job, Verdict};
use broker_store::EntryRow;

use crate::Portal;
use crate::contact;
use crate::decision::DecisionView;
use crate::fields::{Fields, MemberForm};
use crate::frame::{Frame, html};
use crate::jobs::facts::{self, Fact, UsageView};
use crate::jobs::follow::stream_name;
use crate::jobs::jobfile;
use crate::notices::{self, Notice};
use crate::placement::PlacementView;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;
use crate::words::{self, Moment};

/// More entries than a job's whole life makes, retries at several sites included.
const ENTRIES: u32 = 1000;
/// The end of a long log is what people look for.
const LOG_BYTES: u64 = 64 * 1024;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    f: Frame,
    id: String,
    name: String,
    class: &'static str,
    state: &'static str,
    facts: Vec<Fact>,
    usage: Vec<UsageView>,
    cancel: Cancel,
    /// A support centre can be asked about it.
    may_ask: bool,
    /// What sites said that did not let it in.
    said: Vec<String>,
    /// A person carries it to its site.
    by_hand: bool,
    /// Of the site that has the job, while it has it.
    site_notices: Vec<Notice>,
    log: LogView,
    placement: Option<PlacementView>,
    /// Under which it was accepted.
    decision: Option<DecisionView>,
    decision_id: String,
    entries: Vec<EntryView>,
    after: String,
    file: String,
    settled: bool,
}

#[derive(PartialEq, Eq)]
enum Cancel {
    Possible,
    Asked,
    Over,
}

struct LogView {
    stream: &'static str,
    text: String,
    /// Where the shown text ends, in bytes.
    end: u64,
    /// Bytes before the shown text.
    left_out: Option<String>,
}

struct EntryView {
    seq: String,
    at: Moment,
    title: &'static str,
    details: Vec<String>,
}

/// Everything about one job; a foreign one is not there.
pub(crate) async fn show(
    State(portal): State<Portal>,
    member: Member,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Refusal> {
    let id = super::job_id(&id)?;
    let stream = stream_name(fields.text("stream"))?;
    let (broker, caller, texts) = (&portal.broker, member.caller(), member.texts);
    let job = broker.job(caller, id).await?;
    let attempts = broker.attempts(caller, id).await?;
    let usage = broker.usage_of(caller, id).await?;
    let placement = match broker.placement(caller, id).await {
        Ok(placement) => Some(PlacementView::new(texts, &placement)),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let decision = broker.decision_of(caller, id).await?;
    let rows = broker.entries(caller, Some(id), 0, ENTRIES).await?.entries;
    let said = broker.confirmations_of(caller, id).await?;
    let log = portal.log(&member, &job, stream).await?;
    html(&JobPage {
        f: member.frame(&job.spec.name, "jobs"),
        id: job.id.to_string(),
        name: job.spec.name.clone(),
        class: facts::state_class(job.state.name()),
        state: words::state(texts, job.state.name()),
        facts: facts::facts(texts, &job, &attempts),
        usage: usage
            .iter()
            .map(|record| UsageView::new(texts, record))
            .collect(),
        cancel: cancelling(&job),
        may_ask: contact::has_failed(&job) && caller.may_use(job.spec.project),
        said: said.iter().filter_map(|it| not_let_in(texts, it)).collect(),
        by_hand: attempts
            .iter()
            .any(|it| it.is_handed_over() && !it.state.is_over() && Some(it.id) == job.attempt),
        site_notices: portal.site_notices(texts, &job),
        log,
        placement,
        decision: DecisionView::stored(texts, &broker.policy(), &decision.document),
        decision_id: decision.id.to_string(),
        after: rows
            .last()
            .map(|row| row.seq.to_string())
            .unwrap_or_default(),
        entries: rows
            .iter()
            .filter_map(|row| EntryView::new(texts, row))
            .collect(),
        file: jobfile::write(&job.spec).unwrap_or_default(),
        settled: is_settled(&job, &attempts),
    })
}

/// Asks for the job to be stopped, and shows it again.
pub(crate) async fn cancel(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let id = super::job_id(&id)?;
    portal.broker.cancel(form.member.caller(), id).await?;
    Ok(Redirect::to(&format!("/jobs/{id}")).into_response())
}

impl Portal {
    fn site_notices(&self, texts: Texts, job: &Job) -> Vec<Notice> {
        let at = job.state.partition().filter(|_| !job.state.is_final());
        let view = at.and_then(|at| self.broker.site(&at.site).ok());
        view.map_or_else(Vec::new, |view| notices::of_site(texts, &view))
    }

    async fn log(
        &self,
        member: &Member,
        job: &Job,
        stream: &'static str,
    ) -> Result<LogView, Refusal> {
        let length = match job.attempt {
            Some(attempt) => self.broker.store().log_length(attempt, stream).await,
            None => Ok(0),
        };
        let begin = length.map_err(Error::from)?.saturating_sub(LOG_BYTES);
        let piece = self
            .broker
            .read_log(member.caller(), job.id, stream, begin)
            .await?;
        let (text, left) = super::follow::decoded(&piece.bytes);
        Ok(LogView {
            stream,
            text,
            end: piece.offset + (piece.bytes.len() - left) as u64,
            left_out: (begin > 0).then(|| words::count(begin.div_ceil(1024))),
        })
    }
}

fn cancelling(job: &Job) -> Cancel {
    match job.cancel_requested_at {
        _ if job.state.is_final() => Cancel::Over,
        Some(_) => Cancel::Asked,
        None => Cancel::Possible,
    }
}

fn not_let_in(texts: Texts, said: &Confirmation) -> Option<String> {
    let reason = said.reason.as_deref()?;
    let site = said.partition.site.as_str();
    let key = match said.verdict {
        Verdict::Confirmed => return None,
        Verdict::Declined => "job.declined",
        Verdict::Expired => "job.expired",
    };
    Some(texts.with(key, &[("site", site), ("reason", reason)]))
}

/// Nothing more will change: over, metered and charged.
fn is_settled(job: &Job, attempts: &[Attempt]) -> bool {
    job.state.is_final() && attempts.iter().all(|attempt| attempt.settled)
}

impl EntryView {
    fn new(texts: Texts, row: &EntryRow) -> Option<Self> {
        let entry = row.body().ok()?;
        Some(Self {
            seq: row.seq.to_string(),
            at: entry.at.into(),
            title: words::entry_title(texts, &entry),
            details: words::entry_details(texts, &entry),
        })
    }
}
