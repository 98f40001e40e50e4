//! Facts that a question need not have: each is laid out only where somebody gave it, and the rules that ask about it
//! are put only then (`@asked_of`).

use std::collections::BTreeSet;

use super::{Facts, StandingState, Value, record, strings, whole};
use crate::modes::{AccessMode, ApplicantKind};
use crate::question::{Action, AiActFacts};
use crate::tables::{Limit, Named, Scope};

/// What a rule may be asked of, by the name it has in `facts.cedarschema`.
pub(crate) const OPTIONAL: [&str; 11] = [
    "ai_act",
    "aid",
    "fair_access",
    "follow_ups",
    "gpai",
    "high_risk",
    "programme",
    "screening",
    "shares",
    "size_declaration",
    "veto",
];

/// What is compared, as rules and words have it.
#[derive(Clone, Copy, Default)]
pub(super) struct Compared {
    pub(super) value: Option<u64>,
    pub(super) limit: Option<u64>,
}

impl<'a> Facts<'a> {
    /// Whether the question has that fact, so that rules on it must answer.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.optional_fact(name).is_some()
    }

    pub(super) fn optional_fact(&self, name: &str) -> Option<Value> {
        match name {
            "ai_act" => self.ai_act().map(|_| {
                let prohibited = strings(self.practices().into_iter());
                record([("prohibited", prohibited)])
            }),
            "aid" => self.is_aid().then(|| self.aid_record()),
            "fair_access" => self
                .question
                .fair_access
                .is_some()
                .then(|| self.fair_access_record()),
            "follow_ups" => self
                .question
                .follow_ups
                .as_ref()
                .map(|_| record([("blocking", whole(self.blocking().0))])),
            "gpai" => self.is_gpai().then(|| self.gpai_record()),
            "high_risk" => {
                let areas = self.areas();
                (!areas.is_empty()).then(|| strings(areas.into_iter()))
            }
            "programme" => self.programme().map(|it| Value::new_string(it.to_owned())),
            "screening" => self.screening(),
            "shares" => self.question.shares.is_some().then(|| self.shares_record()),
            "size_declaration" => self.is_size_declared().then(|| Value::new_bool(true)),
            "veto" => { self.question.vetoed_by_site.as_ref() }
                .map(|reason| Value::new_string(reason.clone())),
            _ => None,
        }
    }

    /// What the Union's hours of the system that is named follow for who is in no member state: the standing by the
    /// programme that paid for it.
    fn programme(&self) -> Option<&'a str> {
        let is_member = || {
            self.standings(StandingState::Current)
                .any(|it| it.kind == "eu")
        };
        let asked = self.question.mode.as_ref()?;
        let is_of_union = self.mode?.share.as_ref()?.value == "union";
        let rows = self.tables.programmes.iter();
        let mut such = rows.rev().filter(|row| row.system == asked.system);
        let row = such.find(|row| row.holds_on(self.question.on))?;
        let is_asked = self.question.action == Action::ApplyForAccess;
        (is_asked && is_of_union && !is_member()).then_some(row.asks.as_str())
    }

    /// Whether a company whose size is unclear has signed what it is, in whatever state that is, and the mode hangs on it.
    fn is_size_declared(&self) -> bool {
        self.question.action == Action::ApplyForAccess
            && self.question.organisation.size == "unclear"
            && self.hangs_on_size()
            && self.evidence.iter().any(|it| it.shows("size"))
    }

    fn ai_act(&self) -> Option<&'a AiActFacts> {
        self.question.project.ai_act.as_ref()
    }

    /// The practices declared that are prohibited by then; one that the table does not have is prohibited at once.
    pub(super) fn practices(&self) -> Vec<&'a str> {
        let declared = self.ai_act().map_or(&[][..], |it| &it.prohibited);
        self.in_force(declared, &self.tables.ai_act.practices)
    }

    /// The areas of high risk, likewise.
    pub(super) fn areas(&self) -> Vec<&'a str> {
        let declared = self.ai_act().map_or(&[][..], |it| &it.high_risk);
        self.in_force(declared, &self.tables.ai_act.areas)
    }

    fn in_force(&self, declared: &'a [String], rows: &[Named]) -> Vec<&'a str> {
        let on = self.question.on;
        let counts = |id: &&str| {
            let mut same = rows.iter().filter(|row| row.id == **id).peekable();
            same.peek().is_none() || same.any(|row| row.holds_on(on))
        };
        // Said twice is said once: words write all of them out.
        let mut seen = BTreeSet::new();
        let declared = declared.iter().map(String::as_str);
        declared
            .filter(counts)
            .filter(|it| seen.insert(*it))
            .collect()
    }

    fn is_gpai(&self) -> bool {
        let flagged = |it: &AiActFacts| it.gpai.unwrap_or(it.training_exaflop.is_some());
        self.ai_act().is_some_and(flagged)
    }

    fn gpai_record(&self) -> Value {
        let exaflop = self.training_exaflop();
        let threshold = |id| self.limit(&self.tables.ai_act.limits, id, |_| true);
        record(some([
            ("exaflop", exaflop),
            ("indicative", threshold("gpai_indicative")),
            ("systemic", threshold("gpai_systemic")),
        ]))
    }

    pub(super) fn training_exaflop(&self) -> Option<u64> {
        self.ai_act()?.training_exaflop
    }

    pub(super) fn gpai_threshold(&self, id: &str) -> Option<u64> {
        self.limit(&self.tables.ai_act.limits, id, |_| true)
    }

    fn screening(&self) -> Option<Value> {
        let Self { question, .. } = self;
        let of = [
            &question.applicant.screening,
            &question.organisation.screening,
        ];
        let results = || of.into_iter().flatten().map(|it| it.trim().to_lowercase());
        results().next()?;
        Some(Value::new_set(results().map(Value::new_string)))
    }

    /// Whose the hours are: as the question says, else as the mode does.
    fn share(&self) -> &str {
        let given = self
            .question
            .shares
            .as_ref()
            .and_then(|it| it.of.as_deref());
        let of_mode = || self.mode?.share.as_ref().map(|it| it.value.as_str());
        match given.or_else(of_mode) {
            Some(share @ ("union" | "commercial")) => share,
            Some(share) if share.split(':').next() == Some("national") => "national",
            _ => "unknown",
        }
    }

    fn shares_record(&self) -> Value {
        let (union, commercial) = (self.union_share(), self.commercial_share());
        let of = ("of", Value::new_string(self.share().to_owned()));
        let numbers = some([
            ("union_used", union.value),
            ("union_ceiling", union.limit),
            ("commercial_used", commercial.value),
            ("commercial_ceiling", commercial.limit),
        ]);
        record(numbers.chain([of]))
    }

    pub(super) fn union_share(&self) -> Compared {
        let Some(shares) = &self.question.shares else {
            return Compared::default();
        };
        let of_class = |row: &Limit| row.class.as_ref() == Some(&shares.class);
        Compared {
            value: shares.union_permille_used.map(u64::from),
            limit: self.limit(&self.tables.shares, "union_share", of_class),
        }
    }

    pub(super) fn commercial_share(&self) -> Compared {
        let shares = self.question.shares.as_ref();
        Compared {
            value: shares
                .and_then(|it| it.commercial_permille_used)
                .map(u64::from),
            limit: self.limit(&self.tables.shares, "commercial_share", |_| true),
        }
    }

    /// A company that gets hours of a state for nothing, or may, where the law of the Union on aid holds.
    fn is_aid(&self) -> bool {
        let is_company = || {
            self.applicant_kinds()
                .any(|kind| kind == ApplicantKind::Industry)
        };
        let is_member = || {
            self.standings(StandingState::Current)
                .any(|it| it.kind == "eu")
        };
        let is_beside = || {
            let mut rows = self
                .tables
                .aid
                .iter()
                .filter(|row| row.holds_on(self.question.on));
            rows.any(|row| row.states.iter().any(|state| state == self.state()))
        };
        let national = self.mode.filter(|mode| mode.is_national());
        self.question.action == Action::ApplyForAccess
            && national.is_some_and(|mode| is_company() && self.may_be_free(mode))
            && (is_member() || is_beside())
    }

    /// A company whose size is unclear may turn out to be a small one.
    fn may_be_free(&self, mode: &AccessMode) -> bool {
        let free = &mode.free_for.value;
        let is_unclear = self.question.organisation.size == "unclear";
        self.applicant_kinds().any(|kind| free.contains(&kind))
            || (is_unclear && free.contains(&ApplicantKind::Sme))
    }

    fn aid_record(&self) -> Value {
        let (granted, asked, ceiling) = self.aid();
        record(some([
            ("granted", granted),
            ("asked", asked),
            ("ceiling", ceiling),
        ]))
    }

    /// What was granted, what is asked for, and the ceiling.
    pub(crate) fn aid(&self) -> (Option<u64>, Option<u64>, Option<u64>) {
        let aid = self.question.aid.unwrap_or_default();
        let number = |it: Option<u32>| it.map(u64::from);
        let ceiling = self.limit(&self.tables.aid, "de_minimis", |_| true);
        (
            number(aid.granted_eur_three_years),
            number(aid.asked_eur),
            ceiling,
        )
    }

    /// How many reports are overdue that stand in the way, and since when the oldest was due.
    pub(super) fn blocking(&self) -> (u64, Option<jiff::civil::Date>) {
        let blocks = |kind: &str| {
            let mut kinds = self.tables.follow_ups.kinds.iter();
            kinds.any(|row| row.id == kind && row.blocks && row.holds_on(self.question.on))
        };
        let all = self.question.follow_ups.as_deref().unwrap_or_default();
        let such = || all.iter().filter(|it| it.overdue > 0 && blocks(&it.kind));
        let count = such().map(|it| u64::from(it.overdue)).sum();
        (count, such().filter_map(|it| it.oldest_due).min())
    }

    fn fair_access_record(&self) -> Value {
        let (open, active) = (self.open_applications(), self.active_allocations());
        record(some([
            ("open", open.value),
            ("open_most", open.limit),
            ("active", active.value),
            ("active_most", active.limit),
        ]))
    }

    pub(super) fn open_applications(&self) -> Compared {
        let had = self.question.fair_access;
        self.capped("open_applications", |scope| {
            let had = had?;
            let in_mode = had.open_applications_in_mode;
            let in_mode = in_mode.filter(|_| scope == Scope::Mode);
            Some(in_mode.unwrap_or(had.open_applications))
        })
    }

    pub(super) fn active_allocations(&self) -> Compared {
        let had = self.question.fair_access;
        self.capped("active_allocations", |scope| {
            let had = had?;
            let in_mode = had.active_allocations_in_mode;
            let in_mode = in_mode.filter(|_| scope == Scope::Mode);
            Some(in_mode.unwrap_or(had.active_allocations))
        })
    }

    fn capped(&self, id: &str, had: impl Fn(Scope) -> Option<u32>) -> Compared {
        let cap = self.cap(id);
        Compared {
            value: had(cap.and_then(|it| it.scope).unwrap_or_default()).map(u64::from),
            limit: cap.map(|it| it.value),
        }
    }

    pub(super) fn cap(&self, id: &str) -> Option<&'a Limit> {
        let asked = self.question.mode.as_ref().map(|mode| &mode.id);
        let of_mode = |row: &Limit| row.mode.is_some() && row.mode.as_ref() == asked;
        let caps = &self.tables.caps;
        self.limit_row(caps, id, of_mode)
            .or_else(|| self.limit_row(caps, id, |row| row.mode.is_none()))
    }

    fn limit(&self, rows: &[Limit], id: &str, is_it: impl Fn(&Limit) -> bool) -> Option<u64> {
        self.limit_row(rows, id, is_it).map(|row| row.value)
    }

    /// The last row of the file that holds on the day.
    fn limit_row<'r>(
        &self,
        rows: &'r [Limit],
        id: &str,
        is_it: impl Fn(&Limit) -> bool,
    ) -> Option<&'r Limit> {
        let such = |row: &&Limit| row.id == id && row.holds_on(self.question.on) && is_it(row);
        rows.iter().rev().find(such)
    }
}

/// The numbers that are known.
fn some<const N: usize>(
    fields: [(&'static str, Option<u64>); N],
) -> impl Iterator<Item = (&'static str, Value)> {
    let known = |(name, value): (_, Option<u64>)| Some((name, whole(value?)));
    fields.into_iter().filter_map(known)
}
