//! What pages say of an application, to who applied and to who decides.

use broker_app::Error;
use broker_model::{
    AllocationScope, Application, ApplicationDue, ApplicationState, DecisionId, FundingShare,
    Given, Ruling,
};
use jiff::civil::Date;
use policy_engine::{AccessMode, Clock, ClockStart, TitleKind, day_in_brussels};

use crate::Portal;
use crate::ai_act;
use crate::contact::names::Names;
use crate::decision::DecisionView;
use crate::organisations::facts::Fact;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::words::{self, Moment};

pub(crate) struct ApplicationView {
    pub(crate) id: String,
    pub(crate) organisation: String,
    pub(crate) mode: String,
    pub(crate) system: String,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    pub(crate) applied: Moment,
    pub(crate) is_open: bool,
    pub(crate) facts: Vec<Fact>,
    pub(crate) purpose: String,
    /// What was asked for beside, with the answers.
    pub(crate) answers: Vec<(String, String)>,
    pub(crate) clock: Option<ClockView>,
    pub(crate) ruling: Option<RulingView>,
    pub(crate) project: Option<String>,
    /// Hours, share and days of an acceptance.
    pub(crate) given: Option<String>,
    /// The decision that says what the rules found when it was handed in.
    pub(crate) found: String,
}

pub(crate) struct ClockView {
    pub(crate) words: String,
    /// Days left, or that it is over.
    pub(crate) left: String,
    pub(crate) is_overdue: bool,
}

/// What an acceptance gave.
pub(crate) struct GrantedView {
    pub(crate) hours: String,
    pub(crate) unit: String,
    /// The same in GPU-hours, where they are counted otherwise.
    pub(crate) gpu: Option<String>,
    pub(crate) share: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) has_begun: bool,
    pub(crate) is_over: bool,
}

pub(crate) struct RulingView {
    pub(crate) at: Moment,
    pub(crate) reasons: String,
    /// The decision that says what the rules found then.
    pub(crate) found: String,
}

pub(crate) fn state(texts: Texts, state: &ApplicationState) -> (&'static str, &'static str) {
    let (class, key) = match state {
        ApplicationState::Submitted => ("wait", "apply.submitted"),
        ApplicationState::Withdrawn { .. } => ("none", "apply.withdrawn"),
        ApplicationState::Rejected { .. } => ("bad", "apply.rejected"),
        ApplicationState::Accepted { .. } => ("good", "apply.accepted"),
    };
    (class, texts.of(key))
}

fn given_words(titles: Titles<'_>, given: &Given) -> String {
    let (first, last) = (given.first_day.to_string(), given.last_day.to_string());
    let values = [
        ("hours", words::count(given.hours.into())),
        ("units", units(titles, &given.unit)),
        ("share", words::share(titles, &given.share)),
        ("first", first),
        ("last", last),
    ];
    let values = values.each_ref().map(|(name, it)| (*name, it.as_str()));
    titles.texts.with("apply.given", &values)
}

/// A unit that a site alone has may have no title.
fn units(titles: Titles<'_>, unit: &str) -> String {
    match titles.of(TitleKind::Unit, unit) {
        title if title == unit => format!("{unit}s"),
        title => title,
    }
}

impl Portal {
    pub(crate) fn application_view(&self, texts: Texts, one: &Application) -> ApplicationView {
        let (class, state) = state(texts, &one.state);
        let (ruling, project, given) = match &one.state {
            ApplicationState::Rejected { ruling } => (Some(ruling), None, None),
            ApplicationState::Accepted {
                ruling,
                project,
                given,
                ..
            } => (Some(ruling), Some(project.to_string()), given.as_deref()),
            _ => (None, None, None),
        };
        let engine = self.broker.policy();
        let titles = Titles::new(texts, &engine);
        let answers = one.answers.iter();
        ApplicationView {
            id: one.id.to_string(),
            organisation: one.organisation.to_string(),
            mode: titles.of(TitleKind::Mode, &one.mode),
            system: one.system.clone(),
            class,
            state,
            applied: one.applied_at.into(),
            is_open: one.is_open(),
            facts: facts(titles, &Names::new(self, texts), one),
            purpose: one.project.purpose.clone(),
            answers: answers
                .map(|(kind, it)| (titles.of(TitleKind::Document, kind), it.clone()))
                .collect(),
            clock: self.clock_of(texts, one),
            ruling: ruling.map(RulingView::from),
            project,
            given: given.map(|it| given_words(titles, it)),
            found: one.found.to_string(),
        }
    }

    /// None once it is decided, and where the mode promises no day.
    pub(crate) fn clock_of(&self, texts: Texts, one: &Application) -> Option<ClockView> {
        let due = one.due.filter(|_| one.is_open())?;
        let engine = self.broker.policy();
        let clock = find_mode(engine.modes(), &one.mode).and_then(|it| it.decision.as_ref());
        let today = day_in_brussels(self.broker.clock().now());
        Some(ClockView::new(
            texts,
            (due, today),
            clock.map(|it| it.value),
        ))
    }

    /// None of an application that was not accepted.
    pub(crate) async fn granted(
        &self,
        texts: Texts,
        one: &Application,
    ) -> Result<Option<GrantedView>, Refusal> {
        let ApplicationState::Accepted { allocation, .. } = &one.state else {
            return Ok(None);
        };
        let found = self.broker.store().find_allocation(*allocation).await;
        let Some(found) = found.map_err(Error::from)? else {
            return Ok(None);
        };
        let (engine, now) = (self.broker.policy(), self.broker.clock().now());
        let granted = found.balance.granted;
        let gpu = self.broker.gpu_hours_of(&one.system, &found.unit, granted);
        let gpu = gpu.filter(|it| found.scope != AllocationScope::Federation && *it != granted);
        let (from, to) = words::term(found.valid_from, found.valid_until);
        Ok(Some(GrantedView {
            hours: words::hours(granted),
            unit: texts.word(&found.unit),
            gpu: gpu.map(words::hours),
            share: words::share(Titles::new(texts, &engine), &found.share),
            from,
            to,
            has_begun: found.valid_from <= now,
            is_over: found.valid_until <= now,
        }))
    }

    /// What the rules found, as it is stored.
    pub(crate) async fn found(
        &self,
        texts: Texts,
        id: DecisionId,
    ) -> Result<Option<DecisionView>, Refusal> {
        let stored = self.broker.store().find_decision(id).await;
        let stored = stored.map_err(Error::from)?;
        let engine = self.broker.policy();
        Ok(stored.and_then(|it| DecisionView::stored(texts, &engine, &it.document)))
    }
}

fn find_mode<'m>(modes: &'m [AccessMode], id: &str) -> Option<&'m AccessMode> {
    modes.iter().find(|it| it.id == id)
}

impl ClockView {
    fn new(texts: Texts, (due, today): (ApplicationDue, Date), clock: Option<Clock>) -> Self {
        let (on, latest) = (due.on.to_string(), due.at_latest.to_string());
        let by = if due.on == due.at_latest {
            texts.with("apply.by", &[("day", &latest)])
        } else {
            texts.with("apply.by_or_latest", &[("on", &on), ("latest", &latest)])
        };
        let words = match clock {
            Some(clock) => format!("{by}, {}", promised(texts, clock)),
            None => by,
        };
        let days = today.until(due.at_latest).map_or(0, |it| it.get_days());
        let key = if days < 0 {
            "apply.overdue"
        } else {
            "apply.left"
        };
        Self {
            words,
            left: texts.with(key, &[("days", &days.unsigned_abs().to_string())]),
            is_overdue: days < 0,
        }
    }
}

fn promised(texts: Texts, clock: Clock) -> String {
    let (key, days) = match (clock.working_days, clock.calendar_days) {
        (Some(days), _) => ("apply.working_days", days),
        (None, days) => ("apply.calendar_days", days.unwrap_or_default()),
    };
    let from = match clock.from {
        ClockStart::Submission => texts.of("apply.from_submission"),
        ClockStart::CutOff => texts.of("apply.from_cut_off"),
    };
    format!("{} {from}", texts.with(key, &[("days", &days.to_string())]))
}

impl From<&Ruling> for RulingView {
    fn from(ruling: &Ruling) -> Self {
        Self {
            at: ruling.at.into(),
            reasons: ruling.reasons.clone(),
            found: ruling.found.to_string(),
        }
    }
}

/// Whose hours the mode gives this applicant, and that they are paid for where they are sold.
fn share_words(titles: Titles<'_>, one: &Application) -> Option<String> {
    let share = one.share.as_ref()?;
    if *share == FundingShare::Commercial {
        return Some(titles.texts.of("share.paid").to_owned());
    }
    Some(words::share(titles, share))
}

fn facts(titles: Titles<'_>, names: &Names, one: &Application) -> Vec<Fact> {
    let texts = titles.texts;
    let said = |it: bool| texts.of(if it { "form.yes" } else { "form.no" }).to_owned();
    let listed = |all: &[String]| Some(all.join(", ")).filter(|it| !it.is_empty());
    let sectors = Some(names.sectors(&one.project.sectors)).filter(|it| !it.is_empty());
    let facts = [
        ("apply.project", Some(one.project.name.clone())),
        (
            "ways.gpu_hours",
            Some(words::count(one.need.gpu_hours.into())),
        ),
        ("ways.months_field", Some(one.need.months.to_string())),
        (
            "apply.storage_fact",
            one.need.storage_tib.map(|it| it.to_string()),
        ),
        ("apply.data_fact", listed(&one.need.data)),
        (
            "apply.support_fact",
            Some(names.services(&one.need.support)).filter(|it| !it.is_empty()),
        ),
        ("apply.civilian_fact", one.project.civilian.map(said)),
        ("apply.eu_project_fact", one.project.eu_project.map(said)),
        ("ways.sectors", sectors),
        ("apply.share_fact", share_words(titles, one)),
    ];
    let fact = |(key, words): (&str, Option<String>)| {
        Some(Fact {
            label: texts.of(key),
            words: words?,
        })
    };
    let facts = facts.into_iter().filter_map(fact);
    let ai_act = ai_act::facts(titles, one.project.ai_act.as_ref());
    facts.chain(ai_act).collect()
}
