//! What the rules say of all systems, remembered for everybody of whom these rules know the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_model::{Clause, SiteId, SystemId};
use moka::sync::Cache;
use policy_engine::{
    Decision, Effect, Engine, ModeFacts, OrganisationFacts, Question, SettledFact, SharesFacts,
    Spoken,
};

/// Countries by shares and modes, and projects that something was settled of: an entry holds objections only.
const MOST: u64 = 1_000;
/// Usage moves on, and with it the question.
const UNASKED: Duration = Duration::from_hours(1);

/// What the rules say against each system that they say anything against.
pub(super) type Said = BTreeMap<(SiteId, SystemId), Vec<Spoken>>;

/// Each with what is used there, where a ceiling is asked.
pub(super) type Systems = Vec<((SiteId, SystemId), Option<SharesFacts>)>;

/// One entry for all systems.
#[derive(Debug)]
pub(super) struct SaidLately {
    said: Cache<String, Arc<Said>>,
}

impl Default for SaidLately {
    fn default() -> Self {
        let said = Cache::builder().max_capacity(MOST).time_to_idle(UNASKED);
        Self { said: said.build() }
    }
}

impl SaidLately {
    /// By the country and what was settled of these rules: of an organisation they are told nothing else.
    pub(super) fn find(
        &self,
        engine: &Engine,
        (question, mode): (Question, Option<&str>),
        systems: &Systems,
    ) -> Arc<Said> {
        let question = of_country(question);
        let asked = serde_json::to_string(&(engine.digest(), &question, mode, systems));
        let ask = || Arc::new(said(engine, (question.clone(), mode), systems));
        match asked {
            Ok(asked) => self.said.get_with(asked, ask),
            Err(_) => ask(),
        }
    }
}

fn said(
    engine: &Engine,
    (mut question, mode): (Question, Option<&str>),
    systems: &Systems,
) -> Said {
    let mut all = Said::new();
    for ((site, system), shares) in systems {
        question.shares.clone_from(shares);
        question.mode = mode.map(|id| ModeFacts {
            id: id.to_owned(),
            system: format!("{site}/{system}"),
        });
        let said = objections(&engine.decide(&question));
        if !said.is_empty() {
            all.insert((site.clone(), system.clone()), said);
        }
    }
    all
}

fn of_country(question: Question) -> Question {
    let settled = question.settled.into_iter().flatten();
    let settled: Vec<SettledFact> = settled.filter(|it| clause(&it.rule).is_some()).collect();
    Question {
        organisation: OrganisationFacts {
            country: question.organisation.country,
            kind: None,
            screened: Vec::new(),
            screening: None,
            size: "unclear".to_owned(),
            startup: None,
        },
        settled: (!settled.is_empty()).then_some(settled),
        ..question
    }
}

fn objections(decision: &Decision) -> Vec<Spoken> {
    let speaks = |it: &&Spoken| clause(&it.rule).is_some() && it.effect != Effect::Satisfied;
    decision.rules.iter().filter(speaks).cloned().collect()
}

/// By what the rule is about: that is how its id begins.
pub(super) fn clause(rule: &str) -> Option<Clause> {
    match rule.split_once('.')?.0 {
        "ceiling" => Some(Clause::Ceiling),
        "programme" => Some(Clause::Programme),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = r#"{
        "action": "apply_for_access", "on": "2026-11-22",
        "organisation": {"country": "AM", "size": "small"},
        "evidence": [], "allocation": null,
        "project": {"civilian": null, "sectors": []},
        "applicant": {"identity_assurance": "none", "multi_factor": false}
    }"#;

    fn question() -> Question {
        serde_json::from_str(QUESTION).unwrap()
    }

    fn settled(rule: &str) -> SettledFact {
        SettledFact {
            on: "2026-11-20".parse().unwrap(),
            rule: rule.to_owned(),
            words: None,
        }
    }

    fn another_organisation() -> Question {
        let mut question = question();
        question.organisation.size = "large".to_owned();
        question.organisation.kind = Some("research".to_owned());
        question.organisation.startup = Some(true);
        question.organisation.screening = Some("clear".to_owned());
        question.settled = Some(vec![settled("ethics.self_assessment")]);
        question
    }

    /// Arrhenius, which Digital Europe paid for, and LUMI, of which all is used that the Union may have.
    fn systems() -> Systems {
        let full = SharesFacts {
            class: "high_end".to_owned(),
            of: Some("union".to_owned()),
            union_permille_used: Some(500),
            ..SharesFacts::default()
        };
        let at = |site: &str, system: &str| (site.parse().unwrap(), system.parse().unwrap());
        vec![
            (at("mimer", "arrhenius"), None),
            (at("lumi", "lumi"), Some(full)),
        ]
    }

    const MODE: Option<&str> = Some("aif_playground");

    #[test]
    fn organisations_of_one_country_are_asked_about_once() {
        let (engine, lately) = (Engine::shipped().unwrap(), SaidLately::default());
        let first = lately.find(&engine, (question(), MODE), &systems());
        let second = lately.find(&engine, (another_organisation(), MODE), &systems());
        assert!(Arc::ptr_eq(&first, &second));
        let rules = first.values().flatten().map(|it| it.rule.as_str());
        let rules: Vec<&str> = rules.collect();
        assert_eq!(rules, ["ceiling.union_reached", "programme.digital_europe"]);
    }

    #[test]
    fn what_is_remembered_is_what_the_rules_say_to_everything_that_is_known() {
        let (engine, lately) = (Engine::shipped().unwrap(), SaidLately::default());
        for asked in [question(), another_organisation()] {
            let whole = said(&engine, (asked.clone(), MODE), &systems());
            assert_eq!(*lately.find(&engine, (asked, MODE), &systems()), whole);
        }
    }

    #[test]
    fn another_country_another_settlement_another_mode_and_other_usage_are_asked_anew() {
        let (engine, lately) = (Engine::shipped().unwrap(), SaidLately::default());
        let first = lately.find(&engine, (question(), MODE), &systems());
        let said_to = |question, mode, systems: Systems| {
            let said = lately.find(&engine, (question, mode), &systems);
            assert!(!Arc::ptr_eq(&said, &first));
            said.len()
        };
        let mut french = question();
        french.organisation.country = "FR".to_owned();
        assert_eq!(said_to(french, MODE, systems()), 1);
        let mut reviewed = question();
        reviewed.settled = Some(vec![settled("programme.digital_europe")]);
        assert_eq!(said_to(reviewed, MODE, systems()), 1);
        assert_eq!(said_to(question(), None, systems()), 1);
        let mut free = systems();
        for shares in free.iter_mut().filter_map(|(_, it)| it.as_mut()) {
            shares.union_permille_used = Some(499);
        }
        assert_eq!(said_to(question(), MODE, free), 1);
    }
}
