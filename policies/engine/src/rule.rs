//! One rule: a Cedar policy with the annotations that let a decision explain itself.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::{
    ActionConstraint, Effect as CedarEffect, EntityUid, Policy, PolicyId, PolicySet,
};
use jiff::civil::Date;
use miette::Diagnostic as _;
use serde::Serialize;

use crate::bounds;
use crate::decision::Effect;
use crate::error::{Fault, LoadError, line_of};
use crate::facts::{Facts, OPTIONAL};
use crate::languages::Voice;
use crate::looks::{Look, looks_of};
use crate::sources::Source;
use crate::tables::Span;
use crate::words::{Fact, Template};

const ANNOTATIONS: [&str; 10] = [
    "asked_of",
    "id",
    "title",
    "source",
    "checked_on",
    "effective",
    "until",
    "effect",
    "words",
    "remedy",
];

/// What a rule says about itself.
#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct RuleInfo {
    /// The question, a dot, the rule: `ethics.expired`.
    pub id: String,
    /// The file it stands in, without its ending; satisfied as a whole by any one satisfied rule.
    pub question: String,
    pub title: String,
    /// Article of law, decision of a body, or `platform default`; as written, where it names facts of the case in braces.
    pub source: String,
    /// When somebody last held the rule against its source, or wrote it where it is a platform default.
    pub checked_on: Date,
    /// The first day it speaks.
    pub effective: Date,
    /// The first day it no longer speaks.
    pub until: Option<Date>,
    pub effect: Effect,
    pub remedy: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) info: RuleInfo,
    pub(crate) source: Template<Fact>,
    pub(crate) words: Template<Fact>,
    /// The attributes of the context that its condition looks at; none where that cannot be told.
    pub(crate) reads: Option<BTreeSet<String>>,
    /// The same, where it is known what of them.
    pub(crate) looks: Option<BTreeSet<Look>>,
    /// The fact without which its question is not put.
    pub(crate) asked_of: Option<&'static str>,
    /// Under the rule's own id.
    pub(crate) policy: Policy,
}

impl Rule {
    /// The rules of a file, in its order.
    pub(crate) fn parse_file(source: &Source) -> Result<Vec<Self>, LoadError> {
        bounds::check(source)?;
        let set: PolicySet = source
            .text
            .parse()
            .map_err(|error| syntax(source, &error))?;
        if set.templates().next().is_some() {
            return Err(LoadError::new(&source.name, Fault::Slot));
        }
        let mut policies: Vec<&Policy> = set.policies().collect();
        policies.sort_by_key(|policy| place_in_file(policy.id()));
        if policies.is_empty() {
            return Err(LoadError::new(&source.name, Fault::NoRules));
        }
        let numbered = policies.into_iter().enumerate();
        numbered
            .map(|(index, policy)| Self::parse(source, index + 1, policy))
            .collect()
    }

    fn parse(source: &Source, number: usize, policy: &Policy) -> Result<Self, LoadError> {
        let known = policy.annotation("id").filter(|id| !id.is_empty());
        let wrong = |fault| match known {
            Some(id) => source.error_in(id, fault),
            None => LoadError::new(&source.name, fault).in_rule(&format!("number {number}")),
        };
        let info = RuleInfo::read(source.question(), policy).map_err(wrong)?;
        let words = required(policy, "words").map_err(wrong)?;
        let words = Template::parse(words, Fact::named).map_err(wrong)?;
        let cited = cited(&info.source).map_err(wrong)?;
        let asked_of = asked_of(policy).map_err(wrong)?;
        let policy = policy.new_id(PolicyId::new(&info.id));
        let looks = looks_of(&policy);
        let attributes = { looks.as_ref() }.map(|it| it.iter().map(|(name, _)| name.clone()));
        Ok(Self {
            reads: attributes.map(Iterator::collect),
            looks,
            info,
            source: cited,
            words,
            asked_of,
            policy,
        })
    }

    pub(crate) fn span(&self) -> Span {
        Span {
            since: self.info.effective,
            until: self.info.until,
        }
    }

    /// What it says about a case, in a language that its words may not be written in.
    pub(crate) fn words_on(&self, facts: &Facts<'_>, voice: Voice<'_>) -> String {
        self.say(&self.words, facts, voice)
    }

    pub(crate) fn say(
        &self,
        words: &Template<Fact>,
        facts: &Facts<'_>,
        voice: Voice<'_>,
    ) -> String {
        words.render(|fact, out| facts.say(*fact, &self.info.question, voice, out))
    }

    pub(crate) fn speaks_of(&self, action: &EntityUid) -> bool {
        match self.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(only) => only == *action,
            ActionConstraint::In(some) => some.contains(action),
        }
    }
}

impl RuleInfo {
    fn read(question: &str, policy: &Policy) -> Result<Self, Fault> {
        let id = required(policy, "id")?;
        let known: HashSet<&str> = ANNOTATIONS.into();
        if let Some((strange, _)) = policy.annotations().find(|(key, _)| !known.contains(key)) {
            return Err(Fault::UnknownAnnotation(strange.to_owned()));
        }
        if id
            .strip_prefix(question)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_none_or(str::is_empty)
        {
            return Err(Fault::ForeignId(question.to_owned()));
        }
        let info = Self {
            id: id.to_owned(),
            question: question.to_owned(),
            title: required(policy, "title")?.to_owned(),
            source: required(policy, "source")?.to_owned(),
            checked_on: date("checked_on", required(policy, "checked_on")?)?,
            effective: date("effective", required(policy, "effective")?)?,
            until: policy
                .annotation("until")
                .map(|value| date("until", value))
                .transpose()?,
            effect: effect(policy)?,
            remedy: policy.annotation("remedy").map(str::to_owned),
        };
        if info.effect != Effect::Satisfied {
            required(policy, "remedy")?;
        }
        if info.until.is_some_and(|until| until <= info.effective) {
            return Err(Fault::NeverInForce);
        }
        Ok(info)
    }
}

impl Source {
    /// `ethics` for `rules/ethics.cedar`.
    fn question(&self) -> &str {
        self.name
            .trim_start_matches("rules/")
            .trim_end_matches(".cedar")
    }

    /// An error in a rule, at the line its id stands on; the last such line where it stands twice.
    pub(crate) fn error_in(&self, rule: &str, fault: Fault) -> LoadError {
        let line = self
            .text
            .rfind(&format!("\"{rule}\""))
            .map(|at| line_of(&self.text, at));
        LoadError::new(&self.name, fault)
            .in_rule(rule)
            .at_line(line)
    }
}

fn syntax(source: &Source, error: &cedar_policy::ParseErrors) -> LoadError {
    let offset = error
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|label| label.offset());
    let reason = error.to_string().replace('\n', " ");
    LoadError::new(&source.name, Fault::Syntax(reason))
        .at_line(offset.map(|offset| line_of(&source.text, offset)))
}

/// Cedar numbers the policies of a text: `policy0`, `policy1`.
fn place_in_file(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.trim_start_matches("policy")
        .parse()
        .unwrap_or(usize::MAX)
}

fn required<'a>(policy: &'a Policy, annotation: &'static str) -> Result<&'a str, Fault> {
    let value = policy
        .annotation(annotation)
        .filter(|value| !value.trim().is_empty());
    value.ok_or(Fault::MissingAnnotation(annotation))
}

/// A source may name facts of the case, as words do: the page that one mode was read on.
fn cited(source: &str) -> Result<Template<Fact>, Fault> {
    Template::parse(source, Fact::named).map_err(|fault| match fault {
        Fault::UnknownFact(name) => {
            Fault::BadSource(format!("names `{{{name}}}`, which is no fact"))
        }
        _ => Fault::BadSource("has a brace without its partner".to_owned()),
    })
}

fn asked_of(policy: &Policy) -> Result<Option<&'static str>, Fault> {
    let Some(name) = policy.annotation("asked_of") else {
        return Ok(None);
    };
    let found = OPTIONAL.into_iter().find(|it| *it == name);
    found
        .map(Some)
        .ok_or_else(|| Fault::AskedOf(name.to_owned()))
}

fn date(annotation: &'static str, value: &str) -> Result<Date, Fault> {
    value.parse().map_err(|_| Fault::BadDate {
        annotation,
        value: value.to_owned(),
    })
}

fn effect(policy: &Policy) -> Result<Effect, Fault> {
    let name = required(policy, "effect")?;
    let effect = Effect::parse(name).ok_or_else(|| Fault::BadEffect(name.to_owned()))?;
    let keyword = match policy.effect() {
        CedarEffect::Permit if effect != Effect::Satisfied => "permit",
        CedarEffect::Forbid if effect == Effect::Satisfied => "forbid",
        _ => return Ok(effect),
    };
    Err(Fault::EffectMismatch {
        effect: name.to_owned(),
        keyword,
    })
}
