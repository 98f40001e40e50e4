use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One value that two documents do not share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// `system[lumi].partition[small-g].nodes`: what has an id is named by it, not by its place.
    pub field: String,
    /// None: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// In the order of the fields' names.
pub(super) fn differences(from: &impl Serialize, to: &impl Serialize) -> Vec<Difference> {
    let flat = |value: Value| {
        let mut leaves = BTreeMap::new();
        flatten(String::new(), value, &mut leaves);
        leaves
    };
    let (mut from, to) = (flat(json(from)), flat(json(to)));
    let mut found = Vec::new();
    for (field, new) in to {
        let old = from.remove(&field);
        if old.as_ref() != Some(&new) {
            found.push(Difference {
                field,
                from: old,
                to: Some(new),
            });
        }
    }
    let gone = from.into_iter().map(|(field, old)| Difference {
        field,
        from: Some(old),
        to: None,
    });
    found.extend(gone);
    found.sort_unstable_by(|a, b| a.field.cmp(&b.field));
    found
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn flatten(field: String, value: Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if field.is_empty() { "" } else { "." };
                flatten(format!("{field}{dot}{name}"), member, into);
            }
        }
        Value::Array(items) if !items.is_empty() && items.iter().all(|it| key(it).is_some()) => {
            for item in items {
                let name = key(&item).unwrap_or_default().to_owned();
                flatten(format!("{field}[{name}]"), item, into);
            }
        }
        // An empty list says what a missing one says.
        Value::Array(items) if items.is_empty() => {}
        leaf => {
            into.insert(field, leaf);
        }
    }
}

/// What people call an item of a list by.
fn key(item: &Value) -> Option<&str> {
    let name = |field: &str| item.get(field)?.as_str();
    name("id").or_else(|| name("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_an_id_is_compared_by_it_wherever_it_stands() {
        let from = json!({ "id": "x", "languages": ["fi"], "system": [
            { "id": "a", "partition": [{ "id": "p", "nodes": 1 }] }, { "id": "b" }] });
        let to = json!({ "id": "x", "languages": ["fi", "en"], "system": [
            { "id": "c" }, { "id": "a", "partition": [{ "id": "p", "nodes": 2 }] }] });
        let said: Vec<String> = differences(&from, &to)
            .into_iter()
            .map(|it| format!("{} {:?} {:?}", it.field, it.from, it.to))
            .collect();
        assert_eq!(
            said,
            [
                r#"languages Some(Array [String("fi")]) Some(Array [String("fi"), String("en")])"#,
                "system[a].partition[p].nodes Some(Number(1)) Some(Number(2))",
                r#"system[b].id Some(String("b")) None"#,
                r#"system[c].id None Some(String("c"))"#,
            ]
        );
        assert_eq!(differences(&from, &from), []);
    }
}
