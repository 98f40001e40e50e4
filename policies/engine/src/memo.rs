//! Many questions that differ in little: a rule is asked once for the facts that it looks at, and then remembered.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cedar_policy::Context;

use crate::decision::{Decision, Outcome, Spoken};
use crate::engine::{Engine, put};
use crate::facts::{Facts, Value};
use crate::force::{Part, Rules};
use crate::looks::Of;
use crate::question::{Action, Question};

/// What rules have answered. Of one engine, and for one call: it only grows.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// By the number of the look: a number for each fact that was seen there.
    numbers: RefCell<Vec<HashMap<Value, usize>>>,
    answers: RefCell<HashMap<Asked, Answer>>,
}

/// A part by its address, which stays as long as its engine, and the numbers of what it looks at.
type Asked = (*const Part, Action, Vec<usize>);

/// The places of the rules that spoke; none where one could not be evaluated.
type Answer = Option<Rc<[usize]>>;

/// The facts of one question: each by its number, at the number of the look; 0 is none.
#[derive(Clone, Debug)]
pub(crate) struct Laid(Vec<usize>);

impl Engine {
    /// As [`Self::decide`], byte for byte.
    pub(crate) fn decide_with(&self, memo: &Memo, question: &Question) -> Decision {
        self.decision(question, |put, facts| {
            let laid = self.lay(memo, facts);
            self.recalled(memo, put, (&laid, facts))
                // Only with all facts does an error say what it says.
                .unwrap_or_else(|| self.evaluated(put, facts))
        })
    }

    /// Whether `decide` would say that the question is eligible, without finding the words for it. Where it is another
    /// question with a few attributes otherwise, `like` spares laying out the rest.
    pub(crate) fn is_eligible(
        &self,
        memo: &Memo,
        question: &Question,
        like: Option<(&Laid, &[&str])>,
    ) -> bool {
        if question.settled.is_some() {
            return self.decide_with(memo, question).result == Outcome::Eligible;
        }
        let Some(stretch) = self.stretch(question.on) else {
            return false;
        };
        let facts = Facts::gather(question, self.tables());
        let laid = match like {
            None => self.lay(memo, &facts),
            Some((base, touched)) => {
                let mut laid = base.clone();
                self.lay_over(memo, &facts, |name| touched.contains(&name), &mut laid);
                laid
            }
        };
        let put = put(stretch, question.action, |fact| self.has(&laid, fact));
        self.is_satisfied(memo, &put, (&laid, &facts))
    }

    pub(crate) fn lay(&self, memo: &Memo, facts: &Facts<'_>) -> Laid {
        let mut laid = Laid(vec![0; self.looks.len()]);
        self.lay_over(memo, facts, |_| true, &mut laid);
        laid
    }

    fn lay_over(
        &self,
        memo: &Memo,
        facts: &Facts<'_>,
        wanted: impl Fn(&str) -> bool,
        laid: &mut Laid,
    ) {
        let mut numbers = memo.numbers.borrow_mut();
        numbers.resize_with(self.looks.len(), HashMap::new);
        self.looks.see(facts, wanted, |look, fact| {
            let places = laid.0.get_mut(look).zip(numbers.get_mut(look));
            if let Some((place, known)) = places {
                *place = fact.map_or(0, |fact| number_of(known, fact));
            }
        });
    }

    fn has(&self, laid: &Laid, name: &str) -> bool {
        let look = self.looks.number(&(name.to_owned(), Of::Presence));
        let number = look.and_then(|it| laid.0.get(it));
        number.is_some_and(|it| *it != 0)
    }

    fn recalled(
        &self,
        memo: &Memo,
        put: &[&Rules],
        (laid, facts): (&Laid, &Facts<'_>),
    ) -> Option<Vec<Spoken>> {
        let mut places = Vec::with_capacity(16);
        for part in put.iter().flat_map(|rules| &rules.parts) {
            places.extend_from_slice(&self.answer(memo, part, (laid, facts))?);
        }
        Some(self.rulebook.said_at(places, facts))
    }

    fn is_satisfied(&self, memo: &Memo, put: &[&Rules], asked: (&Laid, &Facts<'_>)) -> bool {
        let parts = |objects| {
            let all = put.iter().flat_map(|rules| &rules.parts);
            all.filter(move |part| part.objects == objects)
        };
        let is_silent = |part| {
            self.answer(memo, part, asked)
                .is_some_and(|it| it.is_empty())
        };
        // Most of what is asked here is refused, so the objections come first.
        if !parts(true).all(is_silent) {
            return false;
        }
        let mut answered: Vec<&str> = Vec::with_capacity(16);
        for part in parts(false) {
            let Some(places) = self.answer(memo, part, asked) else {
                return false;
            };
            let questions = places.iter().map(|it| self.rulebook.question_at(*it));
            answered.extend(questions.flatten());
        }
        let mut questions = put.iter().flat_map(|rules| &rules.questions);
        questions.all(|name| answered.contains(&name.as_str())) && !answered.is_empty()
    }

    fn answer(&self, memo: &Memo, part: &Part, (laid, facts): (&Laid, &Facts<'_>)) -> Answer {
        let seen = part.reads.iter().filter_map(|it| laid.0.get(*it)).copied();
        let key = (
            std::ptr::from_ref(part),
            facts.question.action,
            seen.collect(),
        );
        if let Some(known) = memo.answers.borrow().get(&key) {
            return known.clone();
        }
        let found = self.ask(part, facts).map(Rc::from);
        memo.answers.borrow_mut().insert(key, found.clone());
        found
    }

    /// Asks Cedar, and tells it what these rules look at.
    fn ask(&self, part: &Part, facts: &Facts<'_>) -> Option<Vec<usize>> {
        let seen = self.looks.seen_by(&part.reads, facts).into_iter();
        let known = seen.map(|(name, fact)| (name.to_owned(), fact.to_cedar()));
        let context = Context::from_pairs(known).ok()?;
        let request = self.request_on(facts.question.action, context).ok()?;
        self.rulebook.places(&part.policies, &request)
    }
}

fn number_of(known: &mut HashMap<Value, usize>, fact: &Value) -> usize {
    if let Some(number) = known.get(fact) {
        return *number;
    }
    let next = known.len() + 1;
    known.insert(fact.clone(), next);
    next
}
