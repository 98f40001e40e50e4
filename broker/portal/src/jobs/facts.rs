//! What is known of a job, as rows of words.

use broker_model::{Attempt, Job, Outcome, Refusal, StateName, UsageRecord};

use crate::texts::Texts;
use crate::words::{self, Moment};

/// A term with what it is: text, or a moment.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) term: &'static str,
    pub(crate) text: String,
    pub(crate) moment: Option<Moment>,
    pub(crate) is_code: bool,
}

impl Fact {
    fn text(term: &'static str, text: impl Into<String>) -> Self {
        Self {
            term,
            text: text.into(),
            moment: None,
            is_code: false,
        }
    }

    fn code(term: &'static str, text: impl ToString) -> Self {
        Self {
            is_code: true,
            ..Self::text(term, text.to_string())
        }
    }

    fn at(term: &'static str, at: jiff::Timestamp) -> Self {
        Self {
            moment: Some(at.into()),
            ..Self::text(term, "")
        }
    }
}

pub(crate) fn facts(texts: Texts, job: &Job, attempts: &[Attempt]) -> Vec<Fact> {
    let mut facts = vec![
        Fact::code(texts.of("fact.job"), job.id),
        Fact::code(texts.of("fact.project"), job.spec.project),
        Fact::code(texts.of("fact.allocation"), job.allocation),
        Fact::text(texts.of("fact.resources"), resources(texts, job)),
        Fact::at(texts.of("fact.submitted"), job.created_at),
    ];
    if let Some((reason, since)) = job.state.waits_for() {
        let key = format!("waits.{}", reason.as_str());
        let site = job.state.partition().map(|at| at.site.as_str());
        let words = texts.with(&key, &[("site", site.unwrap_or_default())]);
        facts.push(Fact::text(texts.of("fact.waits_for"), words));
        facts.push(Fact::at(texts.of("fact.waits_since"), since));
    }
    if let Some(partition) = job.state.partition() {
        facts.push(Fact::code(texts.of("fact.partition"), partition));
    }
    if let Some(remote_id) = job.state.remote_id() {
        facts.push(Fact::code(texts.of("fact.remote_id"), remote_id));
    }
    if let Some((reason, expected_start)) = job.state.waits() {
        facts.extend(reason.map(|reason| Fact::text(texts.of("fact.queue_reason"), reason)));
        facts.extend(expected_start.map(|at| Fact::at(texts.of("fact.expected_start"), at)));
    }
    let words = |it: &Refusal| format!("{}: {}", it.partition, it.words);
    facts.extend(
        job.refusals
            .iter()
            .map(|it| Fact::text(texts.of("fact.refused"), words(it))),
    );
    if attempts.len() > 1 {
        facts.push(Fact::text(
            texts.of("fact.attempts"),
            attempts.len().to_string(),
        ));
    }
    if let Some(started_at) = job.state.started_at() {
        facts.push(Fact::at(texts.of("fact.started"), started_at));
    }
    if let Some(ended_at) = job.state.ended_at() {
        facts.push(Fact::at(texts.of("fact.ended"), ended_at));
    }
    facts.extend(
        job.state
            .outcome()
            .map(|outcome| of_outcome(texts, outcome))
            .unwrap_or_default(),
    );
    if job.held.0 > 0 {
        facts.push(Fact::text(texts.of("fact.held"), words::hours(job.held)));
    }
    facts
}

fn of_outcome(texts: Texts, outcome: &Outcome) -> Vec<Fact> {
    let code = outcome
        .exit_code
        .map(|code| Fact::text(texts.of("fact.exit_code"), code.to_string()));
    let signal = outcome
        .signal
        .map(|signal| Fact::text(texts.of("fact.signal"), signal.to_string()));
    let words = Some(&outcome.site_words).filter(|words| !words.is_empty());
    let words = words.map(|words| Fact::code(texts.of("fact.site_words"), words));
    [code, signal, words].into_iter().flatten().collect()
}

fn resources(texts: Texts, job: &Job) -> String {
    let wanted = &job.spec.resources;
    let (nodes, gpus) = (wanted.nodes.to_string(), wanted.gpus_per_node.to_string());
    let size = texts.with("job.size", &[("nodes", &nodes), ("gpus", &gpus)]);
    let walltime = words::duration(texts, wanted.walltime.seconds().into());
    format!(
        "{size}, {}",
        texts.with("job.at_most", &[("walltime", &walltime)])
    )
}

pub(crate) const fn state_class(name: StateName) -> &'static str {
    match name {
        StateName::Pending | StateName::Held => "wait",
        StateName::Placed | StateName::Queued => "on",
        StateName::Running => "run",
        StateName::Completed => "good",
        StateName::Failed | StateName::TimedOut => "bad",
        StateName::Cancelled => "none",
    }
}

/// One line of the charge table.
#[derive(Clone, Debug)]
pub(crate) struct UsageView {
    pub(crate) partition: String,
    pub(crate) ran: String,
    pub(crate) nodes: String,
    pub(crate) site_units: String,
    pub(crate) gpu_hours: String,
    pub(crate) charged: String,
    pub(crate) share: String,
    pub(crate) month: String,
}

impl UsageView {
    pub(crate) fn new(texts: Texts, record: &UsageRecord) -> Self {
        let ran = record.ended_at.duration_since(record.started_at).as_secs();
        let charge = &record.charge;
        Self {
            partition: record.partition.to_string(),
            ran: words::duration(texts, u64::try_from(ran).unwrap_or(0)),
            nodes: record.nodes.to_string(),
            site_units: format!("{} {}", words::hours(charge.site_units), charge.site_unit),
            gpu_hours: words::hours(broker_model::UnitMillis(charge.gpu.0)),
            charged: words::hours(charge.charged),
            share: match &record.mode {
                Some(mode) => format!("{} ({mode})", record.share),
                None => record.share.to_string(),
            },
            month: record.month(),
        }
    }
}
