//! What is asked of a policy before anything is decided by it.

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};

use crate::error::{Fault, LoadError};
use crate::rule::Rule;
use crate::sources::{SCHEMA, Source, Sources};
use crate::tables::Tables;

pub(crate) fn read_rules(sources: &Sources) -> Result<Vec<Rule>, LoadError> {
    let mut rules: Vec<Rule> = Vec::new();
    for source in &sources.rules {
        for rule in Rule::parse_file(source)? {
            if rules.iter().any(|earlier| earlier.info.id == rule.info.id) {
                return Err(source.error_in(&rule.info.id, Fault::DuplicateId));
            }
            let first = { rules.iter() }.find(|it| it.info.question == rule.info.question);
            if first.is_some_and(|first| first.asked_of != rule.asked_of) {
                let named = rule.asked_of.unwrap_or_default().to_owned();
                return Err(source.error_in(&rule.info.id, Fault::AskedOf(named)));
            }
            rules.push(rule);
        }
    }
    if rules.is_empty() {
        return Err(LoadError::new("rules", Fault::NoRules));
    }
    Ok(rules)
}

/// Types, attributes and actions against the schema. A rule that could never speak is a mistake too.
pub(crate) fn validate(sources: &Sources, rules: &[Rule]) -> Result<(), LoadError> {
    let invalid = |error: &dyn std::fmt::Display| {
        let text = error.to_string().replace('\n', " ");
        Fault::Invalid(text)
    };
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|error| LoadError::new("facts.cedarschema", invalid(&error)))?;
    let mut set = PolicySet::new();
    for rule in rules {
        let added = set.add(rule.policy.clone());
        added.map_err(|error| LoadError::new("rules", invalid(&error)))?;
    }
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| (error.policy_id(), invalid(error)));
    let warnings = result
        .validation_warnings()
        .map(|warning| (warning.policy_id(), invalid(warning)));
    let place = |id: &PolicyId| rules.iter().position(|rule| rule.policy.id() == id);
    let first = errors.chain(warnings).min_by_key(|(id, _)| place(id));
    let Some((id, fault)) = first else {
        return Ok(());
    };
    let id: &str = id.as_ref();
    let holds = |source: &&Source| source.text.contains(&format!("\"{id}\""));
    Err(match sources.rules.iter().find(holds) {
        Some(source) => source.error_in(id, fault),
        None => LoadError::new("rules", fault).in_rule(id),
    })
}

/// A kind that shows what nobody asks is a slip of the pen.
pub(crate) fn check_evidence(
    sources: &Sources,
    tables: &Tables,
    rules: &[Rule],
) -> Result<(), LoadError> {
    let questions: Vec<&str> = rules
        .iter()
        .map(|rule| rule.info.question.as_str())
        .collect();
    let Some((kind, shown)) = tables.evidence_kinds.showing_nothing_of(&questions) else {
        return Ok(());
    };
    let reason = format!("kind `{kind}` shows `{shown}`, and rules/{shown}.cedar does not exist");
    Err(LoadError::new(
        &sources.evidence_kinds.name,
        Fault::Table(reason),
    ))
}
