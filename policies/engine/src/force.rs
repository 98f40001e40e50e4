//! Which rules are in force when, and for what. The set changes on few days, so each stretch between two of them has its
//! Cedar policies ready and a decision only looks its day up.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, PolicySet};
use jiff::civil::Date;

use crate::decision::Effect;
use crate::error::Fault;
use crate::facts::OPTIONAL;
use crate::looks::Looks;
use crate::question::Action;
use crate::rule::Rule;

/// The rules in force from a day until the next stretch begins.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) from: Date,
    job: Put,
    access: Put,
}

/// What is asked before somebody may do something.
#[derive(Debug)]
pub(crate) struct Put {
    /// Whatever the question has.
    pub(crate) always: Rules,
    /// Only where it has that fact.
    pub(crate) sometimes: Vec<(&'static str, Rules)>,
}

/// Rules that are asked together.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What can satisfy a question. Apart from `forbids`, because Cedar names the permits only
    /// where no forbid applies, and a decision names both.
    pub(crate) permits: PolicySet,
    pub(crate) forbids: PolicySet,
    /// The same once more, by what they look at.
    pub(crate) parts: Vec<Part>,
    /// What must be answered.
    pub(crate) questions: Vec<String>,
}

/// Policies that look at the same facts and so answer alike where these are the same.
#[derive(Debug)]
pub(crate) struct Part {
    /// Whether they are forbids.
    pub(crate) objects: bool,
    /// By their numbers in `Looks`.
    pub(crate) reads: Vec<usize>,
    pub(crate) policies: PolicySet,
}

impl Stretch {
    /// All stretches, from the last to the first.
    pub(crate) fn lay_out(
        rules: &[Rule],
        actions: &Actions,
        looks: &Looks,
    ) -> Result<Vec<Self>, Unsatisfiable> {
        let bounds = rules
            .iter()
            .flat_map(|rule| [Some(rule.info.effective), rule.info.until]);
        let mut days: Vec<Date> = bounds.flatten().collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        days.dedup();
        days.into_iter()
            .map(|day| Self::starting(day, rules, actions, looks))
            .collect()
    }

    fn starting(
        day: Date,
        rules: &[Rule],
        actions: &Actions,
        looks: &Looks,
    ) -> Result<Self, Unsatisfiable> {
        let put = |action| {
            let in_force = rules.iter().filter(|rule| rule.span().holds_on(day));
            let spoken_of: Vec<&Rule> = in_force.filter(|rule| rule.speaks_of(action)).collect();
            match unsatisfiable(&spoken_of) {
                Some(question) => Err(Unsatisfiable { question, day }),
                None => Ok(Put::of(&spoken_of, looks)),
            }
        };
        Ok(Self {
            from: day,
            job: put(&actions.submit_job)?,
            access: put(&actions.apply_for_access)?,
        })
    }

    pub(crate) fn put(&self, action: Action) -> &Put {
        match action {
            Action::SubmitJob => &self.job,
            Action::ApplyForAccess => &self.access,
        }
    }
}

impl Put {
    fn of(rules: &[&Rule], looks: &Looks) -> Self {
        let of = |fact| {
            let mut such = rules
                .iter()
                .filter(move |rule| rule.asked_of == fact)
                .peekable();
            such.peek()?;
            Some(Rules::of(&such.copied().collect::<Vec<_>>(), looks))
        };
        let sometimes = OPTIONAL.into_iter().map(|fact| (fact, of(Some(fact))));
        Self {
            always: of(None).unwrap_or_else(|| Rules::of(&[], looks)),
            sometimes: sometimes
                .filter_map(|(fact, it)| Some((fact, it?)))
                .collect(),
        }
    }
}

impl Rules {
    fn of(rules: &[&Rule], looks: &Looks) -> Self {
        let mut questions: Vec<String> = rules
            .iter()
            .map(|rule| rule.info.question.clone())
            .collect();
        questions.dedup();
        Self {
            permits: policies(rules, |effect| effect == Effect::Satisfied),
            forbids: policies(rules, |effect| effect != Effect::Satisfied),
            parts: Part::all(rules, looks),
            questions,
        }
    }
}

impl Part {
    fn all(rules: &[&Rule], looks: &Looks) -> Vec<Self> {
        let mut sorted: BTreeMap<(bool, Vec<usize>), Vec<&Rule>> = BTreeMap::new();
        for rule in rules {
            let objects = rule.info.effect != Effect::Satisfied;
            sorted
                .entry((objects, looks.by(rule)))
                .or_default()
                .push(rule);
        }
        let part = |((objects, reads), such): (_, Vec<&Rule>)| Self {
            objects,
            reads,
            policies: policies(&such, |_| true),
        };
        sorted.into_iter().map(part).collect()
    }
}

/// One that is put only where its fact is there may do nothing but object; any other must have a yes.
fn unsatisfiable(rules: &[&Rule]) -> Option<String> {
    let always = || rules.iter().filter(|rule| rule.asked_of.is_none());
    let is_yes = |rule: &&&Rule| rule.info.effect == Effect::Satisfied;
    let lacks_one = |rule: &&&Rule| {
        let mut yes = always().filter(is_yes);
        yes.all(|it| it.info.question != rule.info.question)
    };
    always()
        .find(lacks_one)
        .map(|rule| rule.info.question.clone())
}

/// A question that could only ever be answered no.
#[derive(Debug)]
pub(crate) struct Unsatisfiable {
    pub(crate) question: String,
    day: Date,
}

impl From<Unsatisfiable> for Fault {
    fn from(found: Unsatisfiable) -> Self {
        Self::NeverSatisfied(found.day)
    }
}

/// The actions as Cedar names them.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) submit_job: EntityUid,
    pub(crate) apply_for_access: EntityUid,
}

impl Actions {
    pub(crate) fn of(&self, action: Action) -> &EntityUid {
        match action {
            Action::SubmitJob => &self.submit_job,
            Action::ApplyForAccess => &self.apply_for_access,
        }
    }
}

fn policies(rules: &[&Rule], wanted: impl Fn(Effect) -> bool) -> PolicySet {
    let policies = rules.iter().filter(|rule| wanted(rule.info.effect));
    #[expect(
        clippy::expect_used,
        reason = "ids are unique and slots refused before"
    )]
    PolicySet::from_policies(policies.map(|rule| rule.policy.clone())).expect("the ids are unique")
}
