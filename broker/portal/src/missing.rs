//! What still stands between somebody and a job: on the pages of projects, and beside a job's file.

use broker_model::{Missing, MissingFrom, MissingKind, TermsDocument, UnacceptedTerms};
use policy_engine::{Decision, Spoken};

use crate::texts::Texts;

pub(crate) struct MissingView {
    pub(crate) what: &'static str,
    pub(crate) by: &'static str,
    pub(crate) words: String,
    /// Of the words: a rule that is not translated is shown in English.
    pub(crate) lang: &'static str,
    /// The page where it is done.
    pub(crate) page: Option<&'static str>,
}

/// `said` is the decision that they stand on, in the language of the texts.
pub(crate) fn views(texts: Texts, all: &[Missing], said: Option<&Decision>) -> Vec<MissingView> {
    let view = |it: &Missing| {
        let rules = said.map(|it| it.rules.as_slice()).unwrap_or_default();
        let rule = rules
            .iter()
            .find(|rule| Some(&rule.rule) == it.rule.as_ref());
        MissingView::new(texts, it, rule)
    };
    all.iter().map(view).collect()
}

impl MissingView {
    fn new(texts: Texts, missing: &Missing, said: Option<&Spoken>) -> Self {
        let (words, lang) = match (&missing.terms, said) {
            (Some(terms), _) => (terms_words(texts, terms), texts.lang()),
            (None, Some(said)) if said.words != missing.words => (said.words.clone(), texts.lang()),
            (None, _) => (missing.words.clone(), "en"),
        };
        Self {
            what: texts.of(kind(missing.what)),
            by: texts.of(turn(missing.by)),
            words,
            lang,
            page: page(missing),
        }
    }

    /// A document that a refused job needs.
    pub(crate) fn of_terms(texts: Texts, document: &TermsDocument) -> Self {
        Self {
            what: texts.of(kind(MissingKind::Terms)),
            by: texts.of(turn(MissingFrom::You)),
            words: terms_words(texts, &document.unaccepted(texts.lang())),
            lang: texts.lang(),
            page: Some("/terms"),
        }
    }
}

fn terms_words(texts: Texts, terms: &UnacceptedTerms) -> String {
    let version = ("version", terms.version.as_str());
    match &terms.site {
        None => texts.with("missing.terms_of_platform", &[version]),
        Some(site) => {
            let values = [("site", site.as_str()), version];
            texts.with("missing.terms_of_site", &values)
        }
    }
}

const fn kind(kind: MissingKind) -> &'static str {
    match kind {
        MissingKind::Terms => "missing.terms",
        MissingKind::Allocation => "missing.allocation",
        MissingKind::Evidence => "missing.evidence",
        MissingKind::Review => "missing.review",
        MissingKind::Requirement => "missing.requirement",
    }
}

const fn turn(by: MissingFrom) -> &'static str {
    match by {
        MissingFrom::You => "missing.you",
        MissingFrom::Lead => "missing.lead",
        MissingFrom::Representative => "missing.representative",
        MissingFrom::Reviewer => "missing.reviewer",
        MissingFrom::SiteAdministrator => "missing.site_administrator",
        MissingFrom::Nobody => "missing.nobody",
    }
}

const fn page(missing: &Missing) -> Option<&'static str> {
    match (missing.what, missing.by) {
        (MissingKind::Terms, _) => Some("/terms"),
        (MissingKind::Allocation, MissingFrom::Representative) => Some("/routes"),
        (MissingKind::Evidence, MissingFrom::Representative) => Some("/organisations"),
        _ => None,
    }
}
