//! From what Cedar answers to rules that spoke.

use std::collections::HashMap;

use cedar_policy::{AuthorizationError, Authorizer, Entities, PolicyId, PolicySet, Request};

use crate::decision::{Effect, Spoken};
use crate::facts::Facts;
use crate::force::Rules;
use crate::languages::Voice;
use crate::rule::Rule;

pub(crate) const REPORT: &str =
    "Report this to the operator: the policy needs mending, until then a person decides";

pub(crate) const OPEN: &str = "The rules leave this open";
pub(crate) const FAILED: &str = "the rule could not be evaluated: ";

/// The rules, and where each stands.
#[derive(Debug)]
pub(crate) struct Rulebook {
    rules: Vec<Rule>,
    places: HashMap<PolicyId, usize>,
    authorizer: Authorizer,
    /// The facts are in the context of a request; there are no entities to look up.
    entities: Entities,
}

impl Rulebook {
    /// By file and then in the order of the file, which is the order they speak in.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let places = rules.iter().enumerate();
        let places = places
            .map(|(place, rule)| (rule.policy.id().clone(), place))
            .collect();
        Self {
            rules,
            places,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
        }
    }

    /// Asks Cedar twice over, each policy once: what is satisfied, and what objects.
    pub(crate) fn evaluate(
        &self,
        put: &[&Rules],
        request: &Request,
        facts: &Facts<'_>,
    ) -> Vec<Spoken> {
        let mut said = Vec::with_capacity(8);
        for policies in put
            .iter()
            .flat_map(|rules| [&rules.permits, &rules.forbids])
        {
            let response = self
                .authorizer
                .is_authorized(request, policies, &self.entities);
            let diagnostics = response.diagnostics();
            said.extend(diagnostics.reason().filter_map(|id| self.spoken(id, facts)));
            said.extend(
                diagnostics
                    .errors()
                    .filter_map(|error| self.failed(error, facts)),
            );
        }
        said.sort_by_key(|(place, _)| *place);
        said.into_iter().map(|(_, spoken)| spoken).collect()
    }

    /// Which of the policies spoke, by their places; none where one could not be evaluated.
    pub(crate) fn places(&self, policies: &PolicySet, request: &Request) -> Option<Vec<usize>> {
        let response = self
            .authorizer
            .is_authorized(request, policies, &self.entities);
        let said = response.diagnostics();
        let mut places = said.reason().filter_map(|id| self.places.get(id).copied());
        said.errors()
            .next()
            .is_none()
            .then(|| places.by_ref().collect())
    }

    /// What the rules at these places say, in their order.
    pub(crate) fn said_at(&self, mut places: Vec<usize>, facts: &Facts<'_>) -> Vec<Spoken> {
        places.sort_unstable();
        let rules = places.into_iter().filter_map(|place| self.rules.get(place));
        rules.map(|rule| rule.says(facts)).collect()
    }

    pub(crate) fn question_at(&self, place: usize) -> Option<&str> {
        Some(self.rules.get(place)?.info.question.as_str())
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        let place = *self.places.get(&PolicyId::new(id))?;
        self.rules.get(place)
    }

    fn spoken(&self, id: &PolicyId, facts: &Facts<'_>) -> Option<(usize, Spoken)> {
        let place = *self.places.get(id)?;
        let rule = self.rules.get(place)?;
        Some((place, rule.says(facts)))
    }

    /// Cedar skips a rule it cannot evaluate; here it stands in everybody's way until mended.
    fn failed(&self, error: &AuthorizationError, facts: &Facts<'_>) -> Option<(usize, Spoken)> {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let place = *self.places.get(error.policy_id())?;
        let rule = self.rules.get(place)?;
        let words = format!("{FAILED}{}", error.inner());
        Some((
            place,
            rule.spoken((Effect::NeedsReview, words, Some(REPORT.to_owned())), facts),
        ))
    }
}

impl Rule {
    fn says(&self, facts: &Facts<'_>) -> Spoken {
        let (info, words) = (&self.info, self.words_on(facts, Voice::ENGLISH));
        let remedy = (info.effect != Effect::Satisfied)
            .then(|| info.remedy.clone())
            .flatten();
        self.spoken((info.effect, words, remedy), facts)
    }

    fn spoken(
        &self,
        (effect, words, remedy): (Effect, String, Option<String>),
        facts: &Facts<'_>,
    ) -> Spoken {
        let info = &self.info;
        Spoken {
            rule: info.id.clone(),
            title: info.title.clone(),
            // Cited as it is written, in every language.
            source: self.say(&self.source, facts, Voice::ENGLISH),
            checked_on: Some(info.checked_on),
            effective: info.effective,
            effect,
            words,
            remedy,
        }
    }
}

/// What the engine says itself where the rules leave a gap: silence is never a yes.
pub(crate) fn gap(question: &str, on: jiff::civil::Date, words: String) -> Spoken {
    Spoken {
        rule: question.to_owned(),
        title: OPEN.to_owned(),
        source: "platform default".to_owned(),
        checked_on: None,
        effective: on,
        effect: Effect::NeedsReview,
        words,
        remedy: Some(REPORT.to_owned()),
    }
}
