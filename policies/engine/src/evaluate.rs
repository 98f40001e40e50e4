//! From what Cedar answers to rules that spoke.

use std::collections::HashMap;

use cedar_policy::{AuthorizationError, Authorizer, Entities, PolicyId, PolicySet, Request};

use crate::decision::{Effect, Spoken};
use crate::facts::Facts;
use crate::force::Rules;
use crate::languages::Voice;
use crate::rule::{Rule, RuleInfo};

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
            said.extend(diagnostics.errors().filter_map(|error| self.failed(error)));
        }
        said.sort_by_key(|(place, _)| *place);
        said.into_iter().map(|(_, spoken)| spoken).collect()
    }

    /// Whether `evaluate` would find every question satisfied, without finding the words for it.
    pub(crate) fn is_satisfied(&self, put: &[&Rules], request: &Request) -> bool {
        let answer = |policies: &PolicySet| {
            self.authorizer
                .is_authorized(request, policies, &self.entities)
        };
        let is_silent = |rules: &&Rules| {
            let response = answer(&rules.forbids);
            let said = response.diagnostics();
            said.reason().next().is_none() && said.errors().next().is_none()
        };
        let mut answered: Vec<&str> = Vec::with_capacity(8);
        // Most of what is asked here is refused, so the objections come first.
        put.iter().all(is_silent)
            && put.iter().all(|rules| {
                let response = answer(&rules.permits);
                let said = response.diagnostics();
                let places = said.reason().filter_map(|id| self.places.get(id));
                let spoken = places.filter_map(|place| self.rules.get(*place));
                answered.extend(spoken.map(|rule| rule.info.question.as_str()));
                said.errors().next().is_none() && { rules.questions.iter() }
                    .all(|name| answered.contains(&name.as_str()))
            })
            && !answered.is_empty()
    }

    pub(crate) fn rule(&self, id: &str) -> Option<&Rule> {
        let place = *self.places.get(&PolicyId::new(id))?;
        self.rules.get(place)
    }

    fn spoken(&self, id: &PolicyId, facts: &Facts<'_>) -> Option<(usize, Spoken)> {
        let place = *self.places.get(id)?;
        let rule = self.rules.get(place)?;
        let (info, words) = (&rule.info, rule.words_on(facts, Voice::ENGLISH));
        let remedy = (info.effect != Effect::Satisfied)
            .then(|| info.remedy.clone())
            .flatten();
        Some((place, info.says(info.effect, words, remedy)))
    }

    /// Cedar skips a rule it cannot evaluate; here it stands in everybody's way until mended.
    fn failed(&self, error: &AuthorizationError) -> Option<(usize, Spoken)> {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let place = *self.places.get(error.policy_id())?;
        let info = &self.rules.get(place)?.info;
        let words = format!("{FAILED}{}", error.inner());
        Some((
            place,
            info.says(Effect::NeedsReview, words, Some(REPORT.to_owned())),
        ))
    }
}

impl RuleInfo {
    fn says(&self, effect: Effect, words: String, remedy: Option<String>) -> Spoken {
        Spoken {
            rule: self.id.clone(),
            title: self.title.clone(),
            source: self.source.clone(),
            effective: self.effective,
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
        effective: on,
        effect: Effect::NeedsReview,
        words,
        remedy: Some(REPORT.to_owned()),
    }
}
