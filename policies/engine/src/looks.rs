//! What the conditions of rules look at: attributes of the context, or one field of them.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value as Json;

use crate::facts::{Facts, OPTIONAL, Value, attributes};
use crate::rule::Rule;

/// An attribute by name, and what of it.
pub(crate) type Look = (String, Of);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    /// Whether it is there.
    Presence,
    Field(String),
    Whole,
}

/// None where the context is used as a whole.
pub(crate) fn looks_of(policy: &Policy) -> Option<BTreeSet<Look>> {
    let json = policy.to_json().ok()?;
    let mut found = BTreeSet::new();
    collect(json.get("conditions")?, &mut found)?;
    Some(found)
}

fn collect(json: &Json, found: &mut BTreeSet<Look>) -> Option<()> {
    if is_context(json) {
        return None;
    }
    if let Some(look) = look(json) {
        found.insert(look);
        return Some(());
    }
    match json {
        Json::Object(fields) => fields.values().try_for_each(|it| collect(it, found)),
        Json::Array(items) => items.iter().try_for_each(|it| collect(it, found)),
        _ => Some(()),
    }
}

fn is_context(json: &Json) -> bool {
    json.get("Var").is_some_and(|name| name == "context")
}

fn look(json: &Json) -> Option<Look> {
    let of_context = |json: &Json, how: &str| {
        let access = json.get(how)?;
        let is_it = access.get("left").is_some_and(is_context);
        let attribute = access.get("attr")?.as_str()?;
        is_it.then(|| attribute.to_owned())
    };
    if let Some(attribute) = of_context(json, "has") {
        return Some((attribute, Of::Presence));
    }
    if let Some(attribute) = of_context(json, ".") {
        return Some((attribute, Of::Whole));
    }
    let access = json.get(".").or_else(|| json.get("has"))?;
    let attribute = of_context(access.get("left")?, ".")?;
    let field = access.get("attr")?.as_str()?;
    Some((attribute, Of::Field(field.to_owned())))
}

/// Everything that any rule looks at, by number.
#[derive(Debug)]
pub(crate) struct Looks(Vec<Look>);

impl Looks {
    pub(crate) fn of(rules: &[Rule]) -> Self {
        let optional = OPTIONAL.map(|name| (name.to_owned(), Of::Presence));
        let mut all: BTreeSet<Look> = optional.into();
        for rule in rules {
            match &rule.looks {
                Some(looks) => all.extend(looks.iter().cloned()),
                None => all.extend(whole()),
            }
        }
        Self(all.into_iter().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those of one rule; all of the context where it cannot be told.
    pub(crate) fn by(&self, rule: &Rule) -> Vec<usize> {
        let known = rule.looks.clone();
        let looks = known.unwrap_or_else(|| whole().collect());
        let numbers = looks.iter().map(|look| self.0.binary_search(look));
        numbers.filter_map(Result::ok).collect()
    }

    pub(crate) fn number(&self, look: &Look) -> Option<usize> {
        self.0.binary_search(look).ok()
    }

    /// The attributes that these look at, as far as the question has them, with no field that none of them looks at.
    pub(crate) fn seen_by(&self, numbers: &[usize], facts: &Facts<'_>) -> Vec<(&str, Value)> {
        let looks: Vec<&Look> = { numbers.iter() }
            .filter_map(|it| self.0.get(*it))
            .collect();
        let groups = looks.chunk_by(|a, b| a.0 == b.0);
        let seen = groups.filter_map(|group| {
            let name = group.first()?.0.as_str();
            let fact = facts.attribute(name)?;
            let is_seen = |field: &str| {
                let mut of = group.iter().map(|(_, of)| of);
                of.any(|of| match of {
                    Of::Whole => true,
                    Of::Field(name) => name == field,
                    Of::Presence => false,
                })
            };
            Some((name, fact.with_fields(is_seen)))
        });
        seen.collect()
    }

    /// Lays out what they see in the facts, of those attributes alone that are `wanted`.
    pub(crate) fn see(
        &self,
        facts: &Facts<'_>,
        wanted: impl Fn(&str) -> bool,
        mut seen: impl FnMut(usize, Option<&Value>),
    ) {
        let numbered: Vec<(usize, &Look)> = self.0.iter().enumerate().collect();
        // They are sorted, so those of one attribute stand together.
        for group in numbered.chunk_by(|(_, a), (_, b)| a.0 == b.0) {
            let Some(name) = group.first().map(|(_, look)| look.0.as_str()) else {
                continue;
            };
            if !wanted(name) {
                continue;
            }
            let fact = facts.attribute(name);
            for (number, (_, of)) in group {
                seen(*number, fact.as_ref().and_then(|it| of.of(it)));
            }
        }
    }
}

impl Of {
    fn of<'v>(&self, fact: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Presence => Some(Value::THERE),
            Self::Whole => Some(fact),
            Self::Field(name) => fact.field(name),
        }
    }
}

fn whole() -> impl Iterator<Item = Look> {
    attributes().map(|name| (name.to_owned(), Of::Whole))
}
