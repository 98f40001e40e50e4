//! How a ranking becomes words: each centre with its reasons, and with what is known of it.

use broker_app::{ExcludedCentre, Finance, RankedCentre, Reason, SupportCentre, Vocabulary};
use policy_engine::{Confidence, Sourced};
use url::form_urlencoded::Serializer;

use super::names::Names;
use crate::routes::Said;

pub(crate) struct CentreView {
    pub(crate) id: String,
    pub(crate) rank: usize,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) country: String,
    pub(crate) score: u32,
    pub(crate) reasons: Vec<ReasonView>,
    pub(crate) facts: Vec<FactView>,
    pub(crate) page: Option<String>,
    /// Where a referral to it begins, for who may send one.
    pub(crate) refer: Option<String>,
}

pub(crate) struct ReasonView {
    pub(crate) words: String,
    /// What it counts for in the order; nothing for what is only told.
    pub(crate) weight: u32,
    pub(crate) certain: bool,
}

/// One thing that is known of a centre.
pub(crate) struct FactView {
    pub(crate) label: &'static str,
    pub(crate) said: Said,
    pub(crate) checked_on: String,
}

/// One that cannot help with what was asked for.
pub(crate) struct ExcludedView {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) country: String,
    pub(crate) why: Vec<ReasonView>,
}

/// Where money may come from.
pub(crate) struct FinanceView {
    pub(crate) title: String,
    pub(crate) what: String,
    pub(crate) for_whom: String,
    pub(crate) link: Option<String>,
    pub(crate) source: String,
    pub(crate) certain: bool,
    pub(crate) checked_on: String,
}

impl CentreView {
    /// `carried` goes along to the form of a referral; without it there is none.
    pub(crate) fn new(
        names: &Names,
        ranked: &RankedCentre,
        carried: Option<&[(String, String)]>,
    ) -> Self {
        let known = names.directory.centre(&ranked.centre);
        let reasons = ranked.reasons.iter().map(|it| ReasonView::new(names, it));
        Self {
            id: ranked.centre.to_string(),
            rank: ranked.rank,
            name: ranked.name.clone(),
            kind: names.called(Vocabulary::Kind, ranked.kind.as_str()),
            country: names.called(Vocabulary::Country, &ranked.country),
            score: ranked.score,
            reasons: reasons.collect(),
            facts: known.map(|it| facts(names, it)).unwrap_or_default(),
            page: ranked.page.clone(),
            refer: carried.map(|it| refer_path(ranked.centre.as_str(), it)),
        }
    }
}

impl ReasonView {
    pub(crate) fn new(names: &Names, reason: &Reason) -> Self {
        Self {
            words: names.titled(&reason.words),
            weight: reason.weight,
            certain: reason.certain,
        }
    }
}

impl ExcludedView {
    pub(crate) fn new(names: &Names, one: &ExcludedCentre) -> Self {
        let why = one.why.iter().map(|it| ReasonView::new(names, it));
        Self {
            name: one.name.clone(),
            kind: names.called(Vocabulary::Kind, one.kind.as_str()),
            country: names.called(Vocabulary::Country, &one.country),
            why: why.collect(),
        }
    }
}

impl FinanceView {
    pub(crate) fn new(names: &Names, one: &Finance) -> Self {
        Self {
            title: names.titled(&one.title),
            what: names.titled(&one.what),
            for_whom: names.titled(&one.for_whom),
            link: one.link.clone(),
            source: one.source.clone(),
            certain: one.confidence == Confidence::Certain,
            checked_on: one.checked_on.to_string(),
        }
    }
}

fn refer_path(centre: &str, carried: &[(String, String)]) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("centre", centre);
    query.extend_pairs(carried);
    format!("/referrals/new?{}", query.finish())
}

/// Everything the directory has of a centre, each with its source; what it does not have is left out.
fn facts(names: &Names, centre: &SupportCentre) -> Vec<FactView> {
    let texts = names.texts;
    let mut facts = Vec::new();
    let called = |list| move |code: &String| names.called(list, code);
    let mut put = |key: &str, said: Said, checked_on: jiff::civil::Date| {
        facts.push(FactView {
            label: texts.of(key),
            said,
            checked_on: checked_on.to_string(),
        });
    };
    put(
        "contact.name",
        said(&centre.name, centre.name.value.clone()),
        centre.name.checked_on,
    );
    for it in &centre.factories {
        put(
            "contact.factories",
            listed(it, |id| names.centre(id)),
            it.checked_on,
        );
    }
    for it in &centre.services {
        put(
            "contact.offers",
            listed(it, |kind| names.service(kind)),
            it.checked_on,
        );
    }
    for it in &centre.sectors {
        put(
            "contact.sectors",
            listed(it, |code| names.sector(code)),
            it.checked_on,
        );
    }
    for it in &centre.languages {
        put(
            "contact.languages",
            listed(it, called(Vocabulary::Language)),
            it.checked_on,
        );
    }
    for it in &centre.data_classes {
        let class =
            |class: &broker_model::DataClass| names.called(Vocabulary::DataClass, class.as_str());
        put("contact.data", listed(it, class), it.checked_on);
    }
    for it in &centre.countries {
        put(
            "contact.countries",
            listed(it, called(Vocabulary::Country)),
            it.checked_on,
        );
    }
    if let Some(since) = &centre.since {
        put(
            "contact.since",
            said(since, since.value.to_string()),
            since.checked_on,
        );
    }
    if let Some(page) = &centre.page {
        put(
            "contact.page",
            said(page, page.value.clone()),
            page.checked_on,
        );
    }
    if let Some(within) = &centre.acknowledge_within {
        let days = within.value.to_string();
        let words = texts.with("apply.working_days", &[("days", &days)]);
        put("contact.within", said(within, words), within.checked_on);
    }
    facts
}

fn said<T>(sourced: &Sourced<T>, words: String) -> Said {
    Said::of(sourced, words)
}

fn listed<T>(sourced: &Sourced<Vec<T>>, name: impl Fn(&T) -> String) -> Said {
    let names: Vec<String> = sourced.value.iter().map(name).collect();
    Said::of(sourced, names.join(", "))
}
