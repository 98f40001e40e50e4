//! `openapi.json` against what is served: as documents, and answer by answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::ask::{Answer, Event};

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openapi.json")).unwrap());

/// The document with every object closed: clients must bear new fields, but here a field that is
/// answered and not described is a fault.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = DOCUMENT.clone();
    close(&mut document["components"]["schemas"]);
    document
});

fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            let is_schema = object.get("type").is_some_and(|kind| kind == "object");
            if is_schema && object.contains_key("properties") && !object.contains_key("$ref") {
                object.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// By the address of the document and the text of the schema.
type Validators = HashMap<(usize, String), Arc<Validator>>;

/// A validator for a schema of a document, made once.
fn validator(document: &Value, schema: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap();
    let key = (std::ptr::from_ref(document) as usize, schema.to_string());
    let validator = made.entry(key).or_insert_with(|| {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": { "schemas": document["components"]["schemas"] },
            "allOf": [schema],
        });
        let options = jsonschema::options().should_validate_formats(true);
        Arc::new(options.build(&schema).unwrap())
    });
    validator.clone()
}

#[track_caller]
fn assert_valid(document: &Value, schema: &Value, value: &Value, what: &str) {
    let validator = validator(document, schema);
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(
        errors.is_empty(),
        "{what} is not as openapi.json says: {errors:#?}\n{value:#}"
    );
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The operation that a path belongs to: one without a parameter before one with.
pub(crate) fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let fits = |template: &str| {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (template.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(our, their)| our.starts_with('{') || *our == their)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut fitting: Vec<_> = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .collect();
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    let (template, operations) = fitting.first()?;
    Some((template, operations.get(method.to_lowercase())?))
}

/// Holds a request that was accepted, and any answer, against the document.
#[track_caller]
pub(crate) fn check(method: &str, uri: &str, request: Option<&[u8]>, answer: &Answer) {
    let path = uri.split('?').next().unwrap();
    let what = format!("{method} {uri} -> {}", answer.status);
    assert!(
        !answer.header("x-request-id").is_empty(),
        "{what} has no request id"
    );
    let Some((_, operation)) = operation(method, path) else {
        let code = answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            ["not-found", "method-not-allowed"].contains(&code.as_str()),
            "{what}: {code}"
        );
        return;
    };
    let response = resolved(&operation["responses"][answer.status.as_str()]);
    assert!(
        response.is_object(),
        "{what} is not documented: {}",
        String::from_utf8_lossy(&answer.bytes)
    );
    check_headers(response, answer, &what);
    check_body(response, answer, &what);
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let Some(request) = request.filter(|_| answer.status.is_success() && body.is_object()) {
        let request = serde_json::from_slice(request).unwrap();
        assert_valid(&DOCUMENT, body, &request, &format!("the request of {what}"));
    }
}

#[track_caller]
fn check_headers(response: &'static Value, answer: &Answer, what: &str) {
    let documented = response["headers"].as_object().unwrap();
    for name in documented.keys().filter(|name| *name != "Retry-After") {
        assert!(
            answer.headers.contains_key(name.as_str()),
            "{what} has no {name}"
        );
    }
    for name in ["etag", "location", "retry-after", "www-authenticate"] {
        let known = documented
            .keys()
            .any(|known| known.eq_ignore_ascii_case(name));
        assert!(
            known || !answer.headers.contains_key(name),
            "{what} has {name}"
        );
    }
}

#[track_caller]
fn check_body(response: &'static Value, answer: &Answer, what: &str) {
    let Some(content) = response["content"].as_object() else {
        assert!(answer.bytes.is_empty(), "{what} has a body");
        return;
    };
    let kind = answer.header("content-type").split(';').next().unwrap();
    let Some(media) = content.get(kind) else {
        panic!("{what} is `{kind}`")
    };
    if kind == "application/json" || kind == "application/problem+json" {
        assert_valid(&STRICT, &media["schema"], &answer.json(), what);
    }
}

/// Holds the data of an event against the document.
#[track_caller]
pub(crate) fn check_event(event: &Event) {
    let schema = match event.kind.as_str() {
        "end" | "token" | "error" => return,
        "log" => "LogView",
        _ => "LedgerEntry",
    };
    let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
    assert_valid(
        &STRICT,
        &schema,
        &serde_json::from_str(&event.data).unwrap(),
        "an event",
    );
}

/// Operations of the document by method and path.
pub(crate) fn documented() -> BTreeMap<(String, String), &'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap();
        operations
            .iter()
            .map(move |(method, operation)| ((method.to_uppercase(), path.clone()), operation))
    });
    operations.collect()
}

#[test]
fn the_document_has_the_routes_and_no_others() {
    let served: BTreeSet<(String, String)> = broker_api::operations()
        .into_iter()
        .map(|(method, path)| (method.to_owned(), path))
        .collect();
    let described: BTreeSet<_> = documented().into_keys().collect();
    assert_eq!(served, described);
}

#[test]
fn every_schema_compiles_every_reference_leads_somewhere_and_nothing_is_left_over() {
    let mut used = BTreeSet::new();
    references(&DOCUMENT, &mut used);
    for reference in &used {
        assert!(
            DOCUMENT
                .pointer(reference.trim_start_matches('#'))
                .is_some(),
            "{reference}"
        );
    }
    let components = DOCUMENT["components"].as_object().unwrap();
    for (kind, parts) in components
        .iter()
        .filter(|(kind, _)| *kind != "securitySchemes")
    {
        for (name, part) in parts.as_object().unwrap() {
            assert!(
                used.contains(&format!("#/components/{kind}/{name}")),
                "{kind} {name} is unused"
            );
            if kind == "schemas" {
                validator(&DOCUMENT, part);
            }
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                found.insert(reference.to_owned());
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn operation_ids_differ_and_every_operation_says_what_it_is() {
    let operations = documented();
    let ids: BTreeSet<&str> = operations
        .values()
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
    for ((method, path), operation) in operations {
        assert!(
            !operation["summary"].as_str().unwrap().is_empty(),
            "{method} {path}"
        );
        let in_path = path.matches('{').count();
        let parameters = operation["parameters"].as_array().unwrap();
        let named = parameters.iter().filter(|one| {
            one["$ref"].as_str().is_some_and(|r| {
                DOCUMENT
                    .pointer(r.trim_start_matches('#'))
                    .is_some_and(|one| one["in"] == "path")
            })
        });
        assert_eq!(named.count(), in_path, "{method} {path}");
    }
}

#[test]
fn the_document_is_indented_by_two_spaces_and_ends_with_a_newline() {
    let text = include_str!("../../openapi.json");
    assert!(text.ends_with("}\n"));
    let mut depth = 0;
    for line in text.lines() {
        let words = line.trim();
        if words.starts_with(['}', ']']) {
            depth -= 1;
        }
        assert_eq!(line, format!("{:width$}{words}", "", width = depth * 2));
        if words.ends_with(['{', '[']) {
            depth += 1;
        }
    }
}

/// What serde takes for a type, by what it says to a word that is none.
fn words<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = serde_json::from_str::<T>("\"(none)\"") else {
        panic!("took it")
    };
    let error = error.to_string();
    let expected = error.split_once("expected ").unwrap().1;
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_words_of_the_document_are_the_words_of_the_code() {
    let schemas = &DOCUMENT["components"]["schemas"];
    for (name, words) in [
        ("Clause", words::<broker_model::Clause>()),
        ("EntryKind", words::<broker_model::EntryKind>()),
        ("StateName", words::<broker_model::StateName>()),
        ("OutcomeKind", words::<broker_model::OutcomeKind>()),
        ("SiteReadiness", words::<broker_model::SiteReadiness>()),
        ("Sensitivity", words::<broker_model::Sensitivity>()),
        ("IncidentKind", words::<broker_model::IncidentKind>()),
        ("Severity", words::<broker_model::Severity>()),
    ] {
        let documented = schemas[name]["enum"].as_array().unwrap();
        let documented: BTreeSet<String> = documented
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(documented, words, "{name}");
    }
}
