//! Which rules are in force when. The set changes on few days, so each stretch between two of them
//! has its Cedar policies ready and a decision only looks its day up.

use cedar_policy::{EntityUid, PolicySet};
use jiff::civil::Date;

use crate::decision::Effect;
use crate::error::Fault;
use crate::question::Action;
use crate::rule::Rule;

/// The rules in force from a day until the next stretch begins.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) from: Date,
    /// What can satisfy a question. Apart from `forbids`, because Cedar names the permits only
    /// where no forbid applies, and a decision names both.
    pub(crate) permits: PolicySet,
    pub(crate) forbids: PolicySet,
    job: Vec<String>,
    access: Vec<String>,
}

impl Stretch {
    /// All stretches, from the last to the first.
    pub(crate) fn lay_out(rules: &[Rule], actions: &Actions) -> Result<Vec<Self>, Unsatisfiable> {
        let bounds = rules
            .iter()
            .flat_map(|rule| [Some(rule.info.effective), rule.info.until]);
        let mut days: Vec<Date> = bounds.flatten().collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        days.dedup();
        days.into_iter()
            .map(|day| Self::starting(day, rules, actions))
            .collect()
    }

    fn starting(day: Date, rules: &[Rule], actions: &Actions) -> Result<Self, Unsatisfiable> {
        let in_force: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.span().holds_on(day))
            .collect();
        for action in [&actions.submit_job, &actions.apply_for_access] {
            let spoken_of = |rule: &&&Rule| rule.speaks_of(action);
            for rule in in_force.iter().filter(spoken_of) {
                let question = &rule.info.question;
                let mut same = in_force
                    .iter()
                    .filter(spoken_of)
                    .filter(|r| r.info.question == *question);
                if same.all(|rule| rule.info.effect != Effect::Satisfied) {
                    return Err(Unsatisfiable {
                        question: question.clone(),
                        day,
                    });
                }
            }
        }
        let questions = |action| {
            let spoken_of = in_force.iter().filter(|rule| rule.speaks_of(action));
            let mut names: Vec<String> = spoken_of.map(|rule| rule.info.question.clone()).collect();
            names.dedup();
            names
        };
        Ok(Self {
            from: day,
            permits: policies(&in_force, |effect| effect == Effect::Satisfied),
            forbids: policies(&in_force, |effect| effect != Effect::Satisfied),
            job: questions(&actions.submit_job),
            access: questions(&actions.apply_for_access),
        })
    }

    /// The questions that must be answered before somebody may do that.
    pub(crate) fn questions(&self, action: Action) -> &[String] {
        match action {
            Action::SubmitJob => &self.job,
            Action::ApplyForAccess => &self.access,
        }
    }
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
