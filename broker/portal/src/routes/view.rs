//! How a route becomes words: the one place that reads what the policy engine says of routes.

use broker_app::{NotOfferedFound, RouteFound};
use broker_model::{OrganisationId, Ways, folded_ways};
use policy_engine::{
    AccessMode, Change, Cost, Duty, GpuHours, OfferState, Outcome, Route, Sourced, TitleKind,
};
use url::form_urlencoded::Serializer;

use crate::ai_act;
use crate::decision::DecisionView;
use crate::form::Typed;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::words;

/// What a link to a form takes along of the question.
const TAKEN_ALONG: [&str; 6] = [
    "need.gpu_hours",
    "need.months",
    "project.civilian",
    "project.eu_project",
    "aid.received_eur",
    "aid.worth_eur",
];
const SECTOR_BOXES: &str = "project.sectors.";

/// One mode with the systems that it gives hours at.
pub(crate) struct ModeView {
    mode: String,
    pub(crate) title: String,
    /// Best answers first, and never none.
    pub(crate) routes: Vec<RouteView>,
    /// Nothing that the row shows of it is uncertain.
    pub(crate) certain: bool,
}

pub(crate) struct RouteView {
    mode: String,
    pub(crate) id: String,
    /// Open, and not refused.
    pub(crate) may_be_had: bool,
    pub(crate) title: String,
    pub(crate) system: String,
    pub(crate) is_open: bool,
    pub(crate) offer: Said,
    /// Since when, or that nobody has read it.
    pub(crate) since: String,
    /// Why it is closed, and the language of that.
    pub(crate) why: Option<(String, &'static str)>,
    pub(crate) decision: DecisionView,
    /// Each alone makes the answer a yes.
    pub(crate) changes: Vec<String>,
    pub(crate) cost: Said,
    /// The funding share that the hours are of.
    pub(crate) share: Option<Said>,
    pub(crate) hours: Option<Said>,
    pub(crate) months: Option<Said>,
    pub(crate) decided_by: Option<Said>,
    /// That no further cut-off is known, where that is so.
    pub(crate) no_cut_off: Option<String>,
    pub(crate) documents: Vec<Said>,
    pub(crate) duties: Vec<Said>,
    /// Where to apply, for who may.
    pub(crate) apply: Option<String>,
}

/// Where a mode gives no hours, in one line.
pub(crate) struct NotOfferedView {
    pub(crate) title: String,
    pub(crate) words: String,
}

impl NotOfferedView {
    pub(crate) fn new(texts: Texts, found: NotOfferedFound) -> Self {
        let systems = found.at.systems.join(", ");
        Self {
            title: found.title,
            words: texts.with("ways.not_offered_at", &[("systems", &systems)]),
        }
    }
}

/// Words with where they come from; what is uncertain says so.
pub(crate) struct Said {
    pub(crate) words: String,
    pub(crate) source: String,
    /// And its language.
    pub(crate) note: Option<(String, &'static str)>,
    pub(crate) certain: bool,
}

impl Said {
    pub(crate) fn of<T>(sourced: &Sourced<T>, words: String) -> Self {
        Self {
            words,
            source: sourced.source.clone(),
            note: sourced.note.clone().map(|it| (it, "en")),
            certain: sourced.is_certain(),
        }
    }
}

impl ModeView {
    /// In the order of the best answer of each.
    pub(crate) fn folded(routes: impl Iterator<Item = RouteView>) -> Vec<Self> {
        let mut modes: Vec<Self> = Vec::new();
        for route in routes {
            let certain = route.is_certain();
            match modes.iter_mut().find(|it| it.mode == route.mode) {
                Some(mode) => {
                    mode.certain &= certain;
                    mode.routes.push(route);
                }
                None => modes.push(Self {
                    mode: route.mode.clone(),
                    title: route.title.clone(),
                    routes: vec![route],
                    certain,
                }),
            }
        }
        modes
    }

    /// What the row shows of the mode: hours, months and cost are the same at all of its systems.
    pub(crate) fn first(&self) -> Option<&RouteView> {
        self.routes.first()
    }
}

impl RouteView {
    fn is_certain(&self) -> bool {
        let facts = [&self.hours, &self.months, &self.decided_by];
        let mut facts = facts.into_iter().flatten().chain([&self.offer, &self.cost]);
        facts.all(|it| it.certain)
    }

    pub(crate) fn new(
        titles: Titles<'_>,
        found: &RouteFound,
        (organisation, typed): (Option<OrganisationId>, &Typed),
    ) -> Self {
        let route = &found.route;
        let (texts, engine) = (titles.texts, titles.engine);
        let mode = engine.modes().iter().find(|it| it.id == route.mode);
        let (documents, duties) = (route.documents.iter(), route.duties.iter());
        let offer = &route.offer.value;
        let may_apply = matches!(
            route.decision.result,
            Outcome::Eligible | Outcome::NeedsReview
        );
        let apply = organisation.filter(|_| may_apply);
        let is_open = offer.state == OfferState::Open;
        let view = Self {
            mode: route.mode.clone(),
            may_be_had: is_open && route.decision.result != Outcome::NotEligible,
            id: format!("{}-{}", route.mode, offer.system.replace('/', "-")),
            title: found.title.clone(),
            system: offer.system.clone(),
            is_open,
            offer: Said::of(&route.offer, offer_words(titles, route)),
            since: since_words(texts, route),
            why: offer.why.as_deref().map(|it| in_language(titles, it)),
            decision: DecisionView::in_words(texts, engine, &route.decision),
            changes: { folded(&route.changes).into_iter() }
                .map(|ways| together(titles, &ways))
                .collect(),
            cost: cost(titles, route.cost, mode),
            share: { route.share.as_ref() }.map(|it| Said::of(it, share(texts, &it.value))),
            hours: route.gpu_hours.as_ref().map(|it| hours(texts, it)),
            months: { route.durations_months.as_ref() }.map(|it| months(texts, it)),
            decided_by: mode.and_then(|mode| decided_by(texts, found, mode)),
            no_cut_off: found
                .no_cut_off_after
                .map(|day| texts.with("ways.no_cut_off_after", &[("day", &day.to_string())])),
            documents: documents
                .map(|it| Said::of(it, titles.of(TitleKind::Document, &it.value)))
                .collect(),
            duties: duties
                .map(|it| Said::of(it, duty(titles, &it.value)))
                .collect(),
            apply: apply.map(|of| apply_path(of, (&route.mode, &offer.system), typed)),
        };
        view.with_notes_in(titles)
    }

    /// Notes are written in English; the policy has the French of some.
    fn with_notes_in(mut self, titles: Titles<'_>) -> Self {
        let Self {
            offer,
            cost,
            share,
            hours,
            months,
            decided_by,
            documents,
            duties,
            ..
        } = &mut self;
        let others = [share, hours, months, decided_by].into_iter().flatten();
        let listed = documents.iter_mut().chain(duties);
        let facts = [offer, cost].into_iter();
        for said in facts.chain(others).chain(listed) {
            said.note = said.note.take().map(|(note, _)| in_language(titles, &note));
        }
        self
    }
}

fn offer_words(titles: Titles<'_>, route: &Route) -> String {
    let state = match route.offer.value.state {
        OfferState::Open => "open",
        OfferState::Closed => "closed",
    };
    let state = titles.of(TitleKind::OfferState, state);
    match route.since {
        Some(_) => format!("{state} {}", since_words(titles.texts, route)),
        None => state,
    }
}

fn in_language(titles: Titles<'_>, english: &str) -> (String, &'static str) {
    let lang = titles.texts.lang();
    let said = titles.engine.text(english, lang);
    let lang = if said == english { "en" } else { lang };
    (said.to_owned(), lang)
}

/// Of a national one the mode does not say whose: that follows from who asks.
fn share(texts: Texts, said: &str) -> String {
    let key = match said {
        "union" => "share.union",
        "national" => "share.national_own",
        "commercial" => "share.commercial",
        other => return other.to_owned(),
    };
    texts.of(key).to_owned()
}

fn since_words(texts: Texts, route: &Route) -> String {
    match route.since {
        Some(day) => texts.with("ways.since", &[("day", &day.to_string())]),
        None => texts.of("ways.since_unknown").to_owned(),
    }
}

fn cost(titles: Titles<'_>, cost: Cost, mode: Option<&AccessMode>) -> Said {
    let id = match cost {
        Cost::Free => "free",
        Cost::PayPerUse => "pay_per_use",
        Cost::Unclear => "unclear",
        Cost::NotServed => "not_served",
    };
    let free_for = mode.map(|it| &it.free_for);
    Said {
        words: titles.of(TitleKind::Cost, id),
        source: free_for.map(|it| it.source.clone()).unwrap_or_default(),
        note: { free_for.and_then(|it| it.note.clone()) }.map(|it| (it, "en")),
        certain: cost != Cost::Unclear && free_for.is_some_and(Sourced::is_certain),
    }
}

fn hours(texts: Texts, sourced: &Sourced<GpuHours>) -> Said {
    let GpuHours {
        least,
        most,
        typical,
    } = sourced.value;
    let said = |key: &str, hours: u64| texts.with(key, &[("hours", &words::count(hours))]);
    let parts = [
        least.map(|it| said("ways.least", it)),
        most.map(|it| said("ways.most", it)),
        typical.map(|it| said("ways.typical", it)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Said::of(sourced, parts.join(", "))
}

fn months(texts: Texts, sourced: &Sourced<Vec<u32>>) -> Said {
    let months: Vec<String> = sourced.value.iter().map(ToString::to_string).collect();
    let words = texts.with("ways.months", &[("months", &months.join(", "))]);
    Said::of(sourced, words)
}

fn decided_by(texts: Texts, found: &RouteFound, mode: &AccessMode) -> Option<Said> {
    let (due, clock) = (found.decided_by.as_ref()?, mode.decision.as_ref()?);
    let (on, at_latest) = (due.on.to_string(), due.at_latest.to_string());
    let words = if on == at_latest {
        on
    } else {
        texts.with("ways.on_or_latest", &[("on", &on), ("latest", &at_latest)])
    };
    Some(Said::of(clock, words))
}

fn duty(titles: Titles<'_>, duty: &Duty) -> String {
    let title = titles.of(TitleKind::Duty, &duty.kind);
    let when = |key, field, number: u32| {
        let words = titles.texts.with(key, &[(field, &number.to_string())]);
        format!("{title}, {words}")
    };
    match (duty.months_after_end, duty.days_after_end) {
        (Some(months), _) => when("ways.after_end", "months", months),
        (None, Some(days)) => when("ways.days_after_end", "days", days),
        (None, None) => title,
    }
}

/// All of them at once: what these ways share, and of the evidence in which they differ one.
fn together(titles: Titles<'_>, ways: &Ways<'_, Change>) -> String {
    let first = ways.all.first().copied().unwrap_or_default();
    let words = first.iter().enumerate().map(|(place, it)| {
        if ways.differ_at != Some(place) {
            return change(titles, it);
        }
        let kinds = { ways.all.iter() }.filter_map(|way| way.get(place)?.to.as_str());
        let kinds: Vec<String> = { kinds }
            .map(|it| titles.of(TitleKind::EvidenceKind, it))
            .collect();
        let kinds = kinds.join(titles.texts.of("ways.or"));
        titles.texts.with("ways.change_evidence", &[("to", &kinds)])
    });
    let words: Vec<String> = words.collect();
    words.join(titles.texts.of("ways.and"))
}

/// Ways that differ in one evidence alone, together.
fn folded(ways: &[Vec<Change>]) -> Vec<Ways<'_, Change>> {
    folded_ways(ways, |a, b| a.field == "evidence" && b.field == "evidence")
}

fn change(titles: Titles<'_>, change: &Change) -> String {
    let texts = titles.texts;
    let to = match &change.to {
        serde_json::Value::String(kind) if change.field == "evidence" => {
            titles.of(TitleKind::EvidenceKind, kind)
        }
        serde_json::Value::String(text) => texts.word(text),
        serde_json::Value::Number(number) => number
            .as_u64()
            .map_or_else(|| number.to_string(), words::count),
        other => other.to_string(),
    };
    let key = match change.field.as_str() {
        "need.gpu_hours" => "ways.change_hours",
        "need.months" => "ways.change_months",
        "project.civilian" => "ways.change_civilian",
        "project.eu_project" => "ways.change_eu_project",
        "organisation.kind" => "ways.change_kind",
        "aid.received_eur" => "ways.change_aid_received",
        "aid.worth_eur" => "ways.change_aid_worth",
        "evidence" => "ways.change_evidence",
        other => return format!("{other}: {to}"),
    };
    texts.with(key, &[("to", &to)])
}

fn apply_path(of: OrganisationId, (mode, system): (&str, &str), typed: &Typed) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("organisation", &of.to_string());
    query
        .append_pair("mode", mode)
        .append_pair("system", system);
    for name in TAKEN_ALONG {
        if let Some(value) = typed.some(name) {
            query.append_pair(name, &value);
        }
    }
    let boxes = typed.beginning(ai_act::FIELDS);
    for (name, value) in boxes.chain(typed.beginning(SECTOR_BOXES)) {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("/applications/new?{}", query.finish())
}
