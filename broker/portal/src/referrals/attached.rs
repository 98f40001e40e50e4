//! What goes along of a job that failed: before it is sent, and as it was attached.

use broker_model::{Outcome, OutcomeKind, ReferralJob, ReferralLog};

use crate::jobs::facts::state_class;
use crate::organisations::facts::Fact;
use crate::texts::Texts;
use crate::words::{self, Moment};

pub(crate) struct AttachedView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    pub(crate) ended: Option<Moment>,
    pub(crate) facts: Vec<Fact>,
    /// What sites said that refused it.
    pub(crate) refusals: Vec<String>,
    /// Why it was placed where it ran.
    pub(crate) placed: Option<String>,
    pub(crate) logs: Vec<LogView>,
}

pub(crate) struct LogView {
    pub(crate) title: &'static str,
    pub(crate) stream: String,
    pub(crate) text: String,
    pub(crate) cut: bool,
}

impl AttachedView {
    pub(crate) fn new(texts: Texts, job: &ReferralJob) -> Self {
        Self {
            id: job.job.to_string(),
            name: job.name.clone(),
            class: state_class(job.state),
            state: words::state(texts, job.state),
            ended: job.ended_at.map(Moment::from),
            facts: facts(texts, job),
            refusals: job.refusals.clone(),
            placed: job.placement.as_ref().map(|it| it.reason.clone()),
            logs: job.logs.iter().map(|it| LogView::new(texts, it)).collect(),
        }
    }
}

impl LogView {
    fn new(texts: Texts, log: &ReferralLog) -> Self {
        let key = match log.stream.as_str() {
            "stderr" => "job.stderr",
            _ => "job.stdout",
        };
        Self {
            title: texts.of(key),
            stream: log.stream.clone(),
            text: log.text.clone(),
            cut: log.cut,
        }
    }
}

fn facts(texts: Texts, job: &ReferralJob) -> Vec<Fact> {
    let outcome = job.outcome.as_ref();
    let site_words = |it: &Outcome| Some(it.site_words.clone()).filter(|it| !it.is_empty());
    let kind = |it: &Outcome| outcome_word(texts, it.kind);
    let count = |it: usize| words::count(it as u64);
    let placement = job.placement.as_ref();
    let facts = [
        (
            "fact.partition",
            job.ran_on.as_ref().map(ToString::to_string),
        ),
        ("handoffs.outcome", outcome.map(kind)),
        (
            "fact.exit_code",
            outcome.and_then(|it| it.exit_code).map(|it| it.to_string()),
        ),
        (
            "fact.signal",
            outcome.and_then(|it| it.signal).map(|it| it.to_string()),
        ),
        ("fact.site_words", outcome.and_then(site_words)),
        ("placement.feasible", placement.map(|it| count(it.feasible))),
        ("placement.rejected", placement.map(|it| count(it.rejected))),
    ];
    let fact = |(key, words): (&str, Option<String>)| {
        Some(Fact {
            label: texts.of(key),
            words: words?,
        })
    };
    facts.into_iter().filter_map(fact).collect()
}

/// As reports write it, in words.
fn outcome_word(texts: Texts, kind: OutcomeKind) -> String {
    let name = serde_json::to_value(kind).unwrap_or_default();
    texts.word(name.as_str().unwrap_or_default())
}
