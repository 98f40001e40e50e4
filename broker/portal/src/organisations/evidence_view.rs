use broker_model::Evidence;
use jiff::civil::Date;
use policy_engine::{Engine, TitleKind};

use crate::form::Choice;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::words;

/// The question of the policy that records of screening answer.
const SCREENING: &str = "screening";

/// Evidence as its organisation and reviewers see it.
pub(crate) struct EvidenceView {
    pub(crate) id: String,
    pub(crate) organisation: String,
    pub(crate) kind: String,
    pub(crate) class: &'static str,
    pub(crate) state: String,
    /// What a reviewer said, in their own words.
    pub(crate) words: Option<String>,
    pub(crate) from: String,
    pub(crate) until: Option<String>,
    pub(crate) source: String,
    /// Whom of its people it is about.
    pub(crate) person: Option<String>,
    pub(crate) files: Vec<FileView>,
    /// Nobody has judged it yet.
    pub(crate) waits: bool,
    pub(crate) may_be_withdrawn: bool,
}

pub(crate) struct FileView {
    pub(crate) sha256: String,
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) size: String,
}

impl EvidenceView {
    pub(crate) fn new(titles: Titles<'_>, today: Date, evidence: &Evidence) -> Self {
        let (class, state) = state(titles.texts, today, evidence);
        let file = |it: &broker_model::EvidenceFile| FileView {
            sha256: it.sha256.clone(),
            name: it.name.clone(),
            media_type: it.media_type.clone(),
            size: format!("{} KiB", words::count(it.size_bytes.div_ceil(1024))),
        };
        Self {
            id: evidence.id.to_string(),
            organisation: evidence.organisation.to_string(),
            kind: titles.of(TitleKind::EvidenceKind, &evidence.kind.0),
            class,
            state,
            words: evidence.check.as_ref().map(|it| it.words.clone()),
            from: evidence.issued_on.to_string(),
            until: evidence.expires_on.map(|it| it.to_string()),
            source: evidence.source.clone(),
            person: evidence.person.map(|it| it.to_string()),
            files: evidence.files.iter().map(file).collect(),
            waits: evidence.stands() && !evidence.is_checked(),
            may_be_withdrawn: evidence.withdrawn_at.is_none()
                && !(evidence.check.is_some() && is_screening(titles.engine, &evidence.kind.0)),
        }
    }
}

fn state(texts: Texts, today: Date, evidence: &Evidence) -> (&'static str, String) {
    let said = |key: &str| texts.of(key).to_owned();
    if evidence.withdrawn_at.is_some() {
        return ("none", said("proof.withdrawn"));
    }
    if !evidence.stands() {
        return ("bad", said("proof.refused"));
    }
    match evidence.expires_on {
        Some(last) if last < today => ("bad", said("proof.expired")),
        _ if !evidence.is_checked() => ("wait", said("proof.waits")),
        Some(last) => {
            let last = last.to_string();
            ("good", texts.with("proof.counts_until", &[("day", &last)]))
        }
        None => ("good", said("proof.counts")),
    }
}

/// Reviewers record those, and what they have looked at stays.
fn is_screening(engine: &Engine, kind: &str) -> bool {
    let mut kinds = engine.evidence_kinds().iter();
    let kind = kinds.find(|it| it.id == kind);
    kind.is_some_and(|it| it.shows.iter().any(|shown| shown == SCREENING))
}

/// Kinds that an applicant may hand in on a day.
pub(crate) fn kinds(titles: Titles<'_>, today: Date) -> Vec<Choice> {
    let mut all = Choice::of_words(titles.texts, "form.choose", &[]);
    let kinds = titles.engine.evidence_kinds().iter();
    let open = kinds.filter(|it| it.since <= today && it.until.is_none_or(|end| today < end));
    let open = open.filter(|it| !is_screening(titles.engine, &it.id));
    all.extend(open.map(|it| Choice {
        value: it.id.clone(),
        words: titles.of(TitleKind::EvidenceKind, &it.id),
    }));
    all
}
