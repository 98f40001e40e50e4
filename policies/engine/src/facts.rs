//! A question, sorted by the tables: what Cedar is asked about, and what the words of rules name.

mod limits;
mod mode;
mod say;
mod say_limits;
mod value;

use cedar_policy::{Context, ContextCreationError};
use jiff::civil::Date;

pub(crate) use self::limits::OPTIONAL;
pub(crate) use self::value::Value;

use crate::modes::AccessMode;
use crate::question::{AllocationFacts, EvidenceFact, Question};
use crate::tables::{Confidence, Country, EvidenceKindInfo, Standing, Tables, is_country_code};

/// What a question always has, beside `OPTIONAL`; the allocation and the mode only where there is one.
const ALWAYS: [&str; 8] = [
    "on",
    "organisation",
    "evidence",
    "project",
    "allocation",
    "mode",
    "need",
    "applicant",
];

/// All attributes of the context of `facts.cedarschema`.
pub(crate) fn attributes() -> impl Iterator<Item = &'static str> {
    ALWAYS.into_iter().chain(OPTIONAL)
}

pub(crate) struct Facts<'a> {
    pub(crate) question: &'a Question,
    pub(crate) country: Option<&'a Country>,
    evidence: Vec<Sorted<'a>>,
    /// The one that is applied to, if there is such a one.
    mode: Option<&'a AccessMode>,
    tables: &'a Tables,
}

/// Evidence of a kind that is accepted and that has been issued.
struct Sorted<'a> {
    fact: &'a EvidenceFact,
    kind: &'a EvidenceKindInfo,
    /// Its own last day, or the one that its kind gives it.
    last: Option<Date>,
    state: EvidenceState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EvidenceState {
    Shown,
    Unchecked,
    Expired,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StandingState {
    Current,
    Uncertain,
    Past,
}

impl<'a> Facts<'a> {
    pub(crate) fn gather(question: &'a Question, tables: &'a Tables) -> Self {
        let sort = |fact| Sorted::of(fact, question.on, tables);
        Self {
            question,
            country: tables.countries.find(&question.organisation.country),
            evidence: question.evidence.iter().filter_map(sort).collect(),
            mode: mode::find(question, tables),
            tables,
        }
    }

    /// The context of the Cedar request, in the shape of `facts.cedarschema`.
    pub(crate) fn context(&self) -> Result<Context, Box<ContextCreationError>> {
        let laid = attributes().map(|name| (name, self.attribute(name)));
        let known = laid.filter_map(|(name, fact)| Some((name.to_owned(), fact?.to_cedar())));
        Context::from_pairs(known).map_err(Box::new)
    }

    /// One fact by its name in the schema; none where the question does not have it.
    pub(crate) fn attribute(&self, name: &str) -> Option<Value> {
        Some(match name {
            "on" => day(self.question.on),
            "organisation" => self.organisation(),
            "evidence" => self.evidence_record(),
            "project" => self.project(),
            "allocation" => allocation_record(self.question.allocation.as_ref()?),
            "mode" => {
                self.question.mode.as_ref()?;
                self.mode_record()
            }
            "need" => self.need_record(),
            "applicant" => self.person(),
            other => return self.optional_fact(other),
        })
    }

    fn person(&self) -> Value {
        let person = &self.question.applicant;
        let vetted = person.vetted.map(|it| ("vetted", Value::new_bool(it)));
        let known = [
            (
                "identity_assurance",
                Value::new_string(person.identity_assurance.clone()),
            ),
            ("multi_factor", Value::new_bool(person.multi_factor)),
        ];
        record(known.into_iter().chain(vetted))
    }

    fn organisation(&self) -> Value {
        let facts = &self.question.organisation;
        let kinds = |state| strings(self.standings(state).map(|standing| standing.kind.as_str()));
        record([
            ("country", Value::new_string(facts.country.clone())),
            (
                "country_readable",
                Value::new_bool(is_country_code(&facts.country)),
            ),
            ("state", Value::new_string(self.state().to_owned())),
            ("size", Value::new_string(facts.size.clone())),
            (
                "applicant_kinds",
                strings(self.applicant_kinds().map(mode::word)),
            ),
            (
                "standing",
                record([
                    ("current", kinds(StandingState::Current)),
                    ("uncertain", kinds(StandingState::Uncertain)),
                    ("past", kinds(StandingState::Past)),
                ]),
            ),
        ])
    }

    /// The code of its country; as given where nobody knows it.
    fn state(&self) -> &str {
        let given = &self.question.organisation.country;
        self.country.map_or(given, |country| &country.code)
    }

    fn evidence_record(&self) -> Value {
        let shows = |state| {
            let such = self
                .evidence
                .iter()
                .filter(move |sorted| sorted.state == state);
            strings(such.flat_map(|sorted| sorted.kind.shows.iter().map(String::as_str)))
        };
        record([
            ("shown", shows(EvidenceState::Shown)),
            ("unchecked", shows(EvidenceState::Unchecked)),
            ("expired", shows(EvidenceState::Expired)),
        ])
    }

    fn project(&self) -> Value {
        let project = &self.question.project;
        let sectors = project
            .sectors
            .iter()
            .map(|sector| sector.trim().to_lowercase());
        let sectors = ("sectors", Value::new_set(sectors.map(Value::new_string)));
        let civilian = project
            .civilian
            .map(|civilian| ("civilian", Value::new_bool(civilian)));
        record(civilian.into_iter().chain([sectors]))
    }

    fn standings(&self, state: StandingState) -> impl Iterator<Item = &'a Standing> {
        let on = self.question.on;
        let all = self.country.map_or(&[][..], |country| &country.standings);
        all.iter()
            .filter(move |standing| state_of(standing, on) == Some(state))
    }
}

/// None before it begins.
fn state_of(standing: &Standing, on: Date) -> Option<StandingState> {
    if standing.span.is_over_on(on) {
        return Some(StandingState::Past);
    }
    standing
        .span
        .holds_on(on)
        .then_some(match standing.confidence {
            Confidence::Certain => StandingState::Current,
            Confidence::Uncertain => StandingState::Uncertain,
        })
}

impl<'a> Sorted<'a> {
    fn shows(&self, question: &str) -> bool {
        self.kind.shows.iter().any(|shown| shown == question)
    }

    fn of(fact: &'a EvidenceFact, on: Date, tables: &'a Tables) -> Option<Self> {
        let kind = tables.evidence_kinds.accepted(&fact.kind, on)?;
        if on < fact.issued_on {
            return None;
        }
        let last = kind.last_day(fact.issued_on, fact.expires_on);
        let state = if last.is_some_and(|last| last < on) {
            EvidenceState::Expired
        } else if fact.checked {
            EvidenceState::Shown
        } else {
            EvidenceState::Unchecked
        };
        Some(Self {
            fact,
            kind,
            last,
            state,
        })
    }
}

fn allocation_record(allocation: &AllocationFacts) -> Value {
    record([
        ("valid_from", day(allocation.valid_from)),
        ("valid_until", day(allocation.valid_until)),
        ("begun", Value::new_bool(allocation.begun)),
        ("ended", Value::new_bool(allocation.ended)),
        ("suspended", Value::new_bool(allocation.suspended)),
        (
            "unspent_unit_ms",
            Value::new_long(allocation.unspent_unit_ms),
        ),
    ])
}

fn day(date: Date) -> Value {
    let epoch = const { jiff::civil::date(1970, 1, 1) };
    Value::new_long(date.duration_since(epoch).as_hours() / 24)
}

fn whole(number: u64) -> Value {
    Value::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}

fn strings<'s>(texts: impl Iterator<Item = &'s str>) -> Value {
    Value::new_set(texts.map(|text| Value::new_string(text.to_owned())))
}

fn record(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Record(fields.into_iter().collect())
}
