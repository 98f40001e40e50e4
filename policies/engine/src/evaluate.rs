//! From what Cedar answers to rules that spoke.

use std::collections::HashMap;

use cedar_policy::{AuthorizationError, Authorizer, Entities, PolicyId, Request};

use crate::decision::{Effect, Spoken};
use crate::facts::Facts;
use crate::force::Stretch;
use crate::rule::{Rule, RuleInfo};

const REPORT: &str =
    "Report this to the operator: the policy needs mending, until then a person decides";

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
        stretch: &Stretch,
        request: &Request,
        facts: &Facts<'_>,
    ) -> Vec<Spoken> {
        let mut said = Vec::with_capacity(8);
        for policies in [&stretch.permits, &stretch.forbids] {
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

    fn spoken(&self, id: &PolicyId, facts: &Facts<'_>) -> Option<(usize, Spoken)> {
        let place = *self.places.get(id)?;
        let Rule { info, words, .. } = self.rules.get(place)?;
        let words = words.render(|fact, out| facts.say(*fact, &info.question, out));
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
        let words = format!("the rule could not be evaluated: {}", error.inner());
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
        title: "The rules leave this open".to_owned(),
        source: "platform default".to_owned(),
        effective: on,
        effect: Effect::NeedsReview,
        words,
        remedy: Some(REPORT.to_owned()),
    }
}
