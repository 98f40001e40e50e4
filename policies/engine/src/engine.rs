use std::iter;
use std::path::Path;

use cedar_policy::{Context, EntityUid, Request};
use jiff::civil::Date;

use crate::decision::{Decision, Effect, Outcome, Spoken};
use crate::error::LoadError;
use crate::evaluate::{Rulebook, gap};
use crate::facts::Facts;
use crate::force::{Actions, Put, Rules, Stretch};
use crate::languages::Languages;
use crate::load::{check_evidence, read_rules, validate};
use crate::looks::Looks;
use crate::modes::{AccessMode, Clock};
use crate::question::{Action, Question};
use crate::rule::RuleInfo;
use crate::sources::{Sources, digest};
use crate::tables::{
    DefaultDuty, Due, EvidenceKindInfo, FollowUpKind, Limit, Named, ProjectIdFault, ProjectIdParts,
    Tables,
};
use crate::{ahead, bounds};

/// A loaded policy. Immutable: to change a rule, load again and swap.
#[derive(Debug)]
pub struct Engine {
    pub(crate) rulebook: Rulebook,
    infos: Vec<RuleInfo>,
    /// From the last to the first.
    stretches: Vec<Stretch>,
    pub(crate) looks: Looks,
    tables: Tables,
    pub(crate) languages: Languages,
    /// Everything that it was loaded from and that decides.
    document: String,
    digest: String,
    names: Names,
}

/// What every request to Cedar says of who, what and on what; the facts are in its context.
#[derive(Debug)]
struct Names {
    applicant: EntityUid,
    case: EntityUid,
    actions: Actions,
}

impl Engine {
    /// The policy this program was built with.
    pub fn shipped() -> Result<Self, LoadError> {
        Self::load(&Sources::shipped()?)
    }

    /// Refuses a policy of which something was checked on a day after this one: nobody can have. Apart from loading, since
    /// a policy of earlier stays what it is, and a clock may be wrong.
    pub fn not_ahead_of(self, today: Date) -> Result<Self, LoadError> {
        ahead::check(&Sources::of_document(&self.document)?, today)?;
        Ok(self)
    }

    /// The policy of a folder: `modes/*.toml`, `rules/*.cedar`, `tables/*.toml`, and `words/*.toml` if there are any.
    pub fn from_dir(dir: &Path) -> Result<Self, LoadError> {
        Self::load(&Sources::read(dir)?)
    }

    /// A policy of earlier, from the text that [`Self::document`] gave then.
    ///
    /// Fails where it was made for another program: then that one makes its decisions again.
    pub fn from_document(document: &str) -> Result<Self, LoadError> {
        Self::load(&Sources::of_document(document)?)
    }

    /// The policy of a folder whose files are at hand by name: `modes/`, `rules/`, `tables/`, `words/`.
    pub fn from_files(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, LoadError> {
        Self::load(&Sources::of_files(files)?)
    }

    pub(crate) fn load(sources: &Sources) -> Result<Self, LoadError> {
        let document = sources.document();
        let tables = Tables::load(sources)?;
        let rules = read_rules(sources)?;
        bounds::check_all(&rules)?;
        validate(sources, &rules)?;
        let names = Names::new();
        let looks = Looks::of(&rules);
        let stretches = Stretch::lay_out(&rules, &names.actions, &looks).map_err(|found| {
            LoadError::new(&format!("rules/{}.cedar", found.question), found.into())
        })?;
        check_evidence(sources, &tables, &rules)?;
        let languages = Languages::load(&sources.words, &rules, &tables)?;
        Ok(Self {
            infos: rules.iter().map(|rule| rule.info.clone()).collect(),
            rulebook: Rulebook::new(rules),
            stretches,
            looks,
            tables,
            languages,
            digest: digest(&document),
            document,
            names,
        })
    }

    /// `sha256:` and 64 hex digits over modes, rules, schema and tables; whatever decides is in it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Modes, rules, schema and tables as one text; its SHA-256 is the digest. Kept, it decides again later.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// All rules, in force or not, by file and then in the order of the file.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.infos
    }

    /// The code that a country is kept by: that of the table where an alias is given (`EL`), else what is given.
    pub fn country_code<'a>(&'a self, given: &'a str) -> &'a str {
        let known = self.tables.countries.find(given);
        known.map_or(given, |it| it.code.as_str())
    }

    /// Whether every size comes out as under another policy, because its table is the same.
    pub fn finds_sizes_as(&self, other: &Self) -> bool {
        self.tables.size_classes == other.tables.size_classes
    }

    pub fn evidence_kinds(&self) -> &[EvidenceKindInfo] {
        self.tables.evidence_kinds.all()
    }

    /// Every access mode, by id.
    pub fn modes(&self) -> &[AccessMode] {
        &self.tables.modes
    }

    /// When a clock that begins on a day runs out; none where the table of holidays does not reach.
    pub fn due(&self, clock: Clock, from: Date) -> Option<Due> {
        let days = &self.tables.working_days;
        match (clock.working_days, clock.calendar_days) {
            (Some(count), _) => days.working_days_after(from, count),
            (None, count) => days.calendar_days_after(from, count?),
        }
    }

    /// Practices that Art. 5 of the AI Act prohibits, for a form to ask about.
    pub fn ai_act_practices(&self) -> &[Named] {
        &self.tables.ai_act.practices
    }

    /// Areas of high risk of its Annex III.
    pub fn ai_act_areas(&self) -> &[Named] {
        &self.tables.ai_act.areas
    }

    /// What an applicant may say under its Art. 2.
    pub fn ai_act_exclusions(&self) -> &[Named] {
        &self.tables.ai_act.exclusions
    }

    /// The numbers that rules compare with, of all tables.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        let Tables {
            ai_act,
            aid,
            caps,
            shares,
            ..
        } = &self.tables;
        ai_act.limits.iter().chain(aid).chain(caps).chain(shares)
    }

    /// What is owed after allocations, and what of it stands in the way of the next application.
    pub fn follow_up_kinds(&self) -> &[FollowUpKind] {
        &self.tables.follow_ups.kinds
    }

    /// How many days before the last one somebody is reminded, as it holds on a day; the earliest first.
    pub fn reminders(&self, on: Date) -> Vec<u8> {
        let rows = self.tables.follow_ups.reminders.iter();
        let mut days: Vec<u8> = { rows.filter(|it| it.holds_on(on)) }
            .map(|it| it.days_before)
            .collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        days.dedup();
        days
    }

    /// By how many months a last day may be moved on a day; none where the table has no bound.
    pub fn months_postponed_at_most(&self, on: Date) -> Option<u8> {
        let rows = self.tables.follow_ups.postponements.iter();
        let mut holds = rows.filter(|it| it.holds_on(on));
        holds.next_back().map(|it| it.months_at_most)
    }

    /// What is owed, as it holds on a day, for hours of which nobody knows the mode.
    pub fn default_duties(&self, on: Date) -> impl Iterator<Item = &DefaultDuty> {
        let rows = self.tables.follow_ups.duties.iter();
        rows.filter(move |it| it.holds_on(on))
    }

    /// A number of a table that is of no class and no mode, as it holds on a day.
    pub fn limit_on(&self, id: &str, on: Date) -> Option<u64> {
        let of_all = |it: &&Limit| it.id == id && it.class.is_none() && it.mode.is_none();
        let rows = self.limits().filter(of_all);
        rows.filter(|it| it.holds_on(on)).last().map(|it| it.value)
    }

    /// Takes apart a project id of a European call: `EHPC-AIF-2026PG01-907`, in capitals or not.
    pub fn project_id(&self, text: &str) -> Result<ProjectIdParts, ProjectIdFault> {
        self.tables.project_ids.read(text)
    }

    /// How project ids of European calls are written, by family: `EHPC-BEN-{year}B{cut_off}-{sequence}`.
    pub fn project_id_patterns(&self) -> Vec<String> {
        self.tables.project_ids.patterns().collect()
    }

    /// The states that have a share of their own, as far as the policy knows: by their codes, and by no alias.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        let rows = self.tables.countries.all().iter();
        rows.map(|it| it.code.as_str())
    }

    /// Answers a question by the rules in force on its day.
    ///
    /// Never fails: what cannot be decided, an unmended rule included, goes to a person. What a person settled speaks
    /// as satisfied from that day on, unless the rule could not be evaluated, or a job asks and the rule looks at who
    /// hands it in.
    pub fn decide(&self, question: &Question) -> Decision {
        self.decision(question, |put, facts| self.evaluated(put, facts))
    }

    /// The same, where `evaluate` says what the rules that are put say.
    pub(crate) fn decision(
        &self,
        question: &Question,
        evaluate: impl FnOnce(&[&Rules], &Facts<'_>) -> Vec<Spoken>,
    ) -> Decision {
        let rules = self.spoken(question, evaluate);
        Decision {
            result: Outcome::of(&rules),
            rules,
            policy_digest: self.digest.clone(),
            inputs_digest: question.digest(),
        }
    }

    pub(crate) const fn tables(&self) -> &Tables {
        &self.tables
    }

    fn spoken(
        &self,
        question: &Question,
        evaluate: impl FnOnce(&[&Rules], &Facts<'_>) -> Vec<Spoken>,
    ) -> Vec<Spoken> {
        let on = question.on;
        let Some(stretch) = self.stretch(on) else {
            return vec![gap("policy", on, format!("no rule is in force on {on}"))];
        };
        let facts = Facts::gather(question, &self.tables);
        let put = put(stretch, question.action, |fact| facts.has(fact));
        let mut rules = evaluate(&put, &facts);
        self.settle(question, &mut rules);
        if rules
            .iter()
            .all(|spoken| spoken.effect == Effect::Satisfied)
        {
            close_gaps(&put, question, &mut rules);
        }
        rules
    }

    pub(crate) fn evaluated(&self, put: &[&Rules], facts: &Facts<'_>) -> Vec<Spoken> {
        match self.request(facts) {
            Ok(request) => self.rulebook.evaluate(put, &request, facts),
            Err(error) => vec![gap(
                "policy",
                facts.question.on,
                format!("the facts cannot be laid out: {error}"),
            )],
        }
    }

    pub(crate) fn stretch(&self, on: Date) -> Option<&Stretch> {
        self.stretches.iter().find(|stretch| stretch.from <= on)
    }

    pub(crate) fn request(&self, facts: &Facts<'_>) -> Result<Request, Box<dyn std::error::Error>> {
        // Not checked against the schema each time: a test does, for every case.
        self.request_on(facts.question.action, facts.context()?)
    }

    /// About a context that may have only some of the facts.
    pub(crate) fn request_on(
        &self,
        action: Action,
        context: Context,
    ) -> Result<Request, Box<dyn std::error::Error>> {
        let Names {
            applicant,
            case,
            actions,
        } = &self.names;
        Ok(Request::new(
            applicant.clone(),
            actions.of(action).clone(),
            case.clone(),
            context,
            None,
        )?)
    }
}

/// The rules that are put to a question: always those, and those of the facts that it has.
pub(crate) fn put(
    stretch: &Stretch,
    action: Action,
    has: impl Fn(&'static str) -> bool,
) -> Vec<&Rules> {
    let Put { always, sometimes } = stretch.put(action);
    let asked = sometimes.iter().filter(|(fact, _)| has(fact));
    iter::once(always)
        .chain(asked.map(|(_, rules)| rules))
        .collect()
}

/// Nobody passes because a question went unanswered.
fn close_gaps(put: &[&Rules], question: &Question, rules: &mut Vec<Spoken>) {
    let answered = |name: &str| {
        let rest = |spoken: &Spoken| {
            spoken
                .rule
                .strip_prefix(name)
                .is_some_and(|r| r.starts_with('.'))
        };
        rules.iter().any(rest)
    };
    let questions = put.iter().flat_map(|rules| &rules.questions);
    let open = questions.filter(|name| !answered(name));
    let mut gaps: Vec<Spoken> = open
        .map(|name| {
            gap(
                name,
                question.on,
                format!("no rule of `{name}` answers this case"),
            )
        })
        .collect();
    if gaps.is_empty() && rules.is_empty() {
        let words = format!("no rule is in force on {}", question.on);
        gaps.push(gap("policy", question.on, words));
    }
    rules.append(&mut gaps);
}

impl Names {
    #[expect(clippy::expect_used, reason = "three constants, parsed by every test")]
    fn new() -> Self {
        let uid = |text: &str| {
            text.parse::<EntityUid>()
                .expect("a constant is a valid name")
        };
        Self {
            applicant: uid(r#"Applicant::"applicant""#),
            case: uid(r#"Case::"case""#),
            actions: Actions {
                submit_job: uid(r#"Action::"submit_job""#),
                apply_for_access: uid(r#"Action::"apply_for_access""#),
            },
        }
    }
}
