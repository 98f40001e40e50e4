//! Random requests: never a 500, never an answer that the document does not know.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::ask::job;
use crate::site::SITE;
use crate::world::{World, agent_id};

const CASES: u32 = 300;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            ".*",
            "[a-z0-9_:+/.-]{0,40}",
            "(job|prj|att|agt)_[0-9a-f]{32}"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let object = prop::collection::btree_map("[a-z_]{1,12}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// A good body with one thing in it replaced, taken away or added.
fn bent(good: Value) -> impl Strategy<Value = Value> {
    let mut pointers = Vec::new();
    collect("", &good, &mut pointers);
    (prop::sample::select(pointers), any_json(), 0..3).prop_map(move |(pointer, value, how)| {
        let mut body = good.clone();
        match (how, body.pointer_mut(&pointer)) {
            (0, Some(place)) => *place = value,
            (1, Some(Value::Object(object))) => {
                object.insert("extra".to_owned(), value);
            }
            (_, Some(Value::Object(object))) => {
                let key = object.keys().next().cloned();
                key.map(|key| object.remove(&key));
            }
            (_, Some(place)) => *place = value,
            (_, None) => {}
        }
        body
    })
}

fn collect(at: &str, value: &Value, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (key, value) in children {
        collect(&format!("{at}/{key}"), value, pointers);
    }
}

fn run<S: Strategy>(strategy: S, ask: impl AsyncFn(S::Value)) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let tested = TestRunner::new(config).run(&strategy, |value| {
        RUNTIME.block_on(ask(value));
        Ok(())
    });
    tested.unwrap();
}

#[test]
fn random_bodies_never_break_the_broker() {
    let world = RUNTIME.block_on(World::start());
    let token = RUNTIME.block_on(world.token("ada"));
    let lease = json!({ "agent": agent_id(), "site": SITE, "want": 1, "wait_seconds": 0, "working_on": [] });
    let report = json!({ "agent": agent_id(), "site": SITE,
        "snapshot": { "observed_at": "2026-11-20T12:00:00Z", "readiness": "ready", "partitions": [] },
        "attempts": [{ "event": "started", "attempt": "att_0192f0c1d2e37abc8def0123456789ab",
            "started_at": "2026-11-20T12:00:00Z" }],
        "logs": [{ "attempt": "att_0192f0c1d2e37abc8def0123456789ab", "stream": "stdout", "offset": 0,
            "bytes": "" }] });
    let bodies = prop_oneof![
        (Just("/api/v1/jobs"), bent(job())),
        (Just("/api/v1/jobs/quote"), bent(job())),
        (Just("/api/v1/jobs"), any_json()),
        (Just("/api/v1/eligibility/check"), any_json()),
        (Just("/agent/v1/report"), bent(report)),
        (
            Just("/agent/v1/lease"),
            bent(lease).prop_map(|mut body| {
                // A long poll is a right answer, only not here.
                if body["wait_seconds"].is_u64() {
                    body["wait_seconds"] = json!(0);
                }
                body
            })
        ),
    ];
    run(bodies, async |(path, body)| {
        let ask = world.post(path, &body).random();
        let ask = if path.starts_with("/agent") {
            ask.agent(SITE)
        } else {
            ask.token(&token)
        };
        let answer = ask.send().await;
        assert!(
            answer.status.as_u16() < 500,
            "{path} {body}: {}",
            answer.text()
        );
    });
}

#[test]
fn random_bytes_as_a_body_never_break_the_broker() {
    let world = RUNTIME.block_on(World::start());
    let token = RUNTIME.block_on(world.token("ada"));
    run(prop::collection::vec(any::<u8>(), 0..200), async |bytes| {
        let ask = world
            .ask("POST", "/api/v1/jobs")
            .header("content-type", "application/json");
        let answer = ask.token(&token).body(bytes).send().await;
        assert_eq!(answer.status, 400);
    });
}

#[test]
fn random_queries_and_paths_never_break_the_broker() {
    let world = RUNTIME.block_on(World::start());
    let token = RUNTIME.block_on(world.token("auditor"));
    RUNTIME.block_on(world.seal());
    let paths: Vec<String> = broker_api::operations()
        .into_iter()
        .filter(|(method, _)| *method == "GET")
        .map(|(_, path)| path)
        .collect();
    let names = [
        "limit",
        "cursor",
        "state",
        "project",
        "site",
        "share",
        "month",
        "active",
        "job",
        "seq",
        "tree_size",
        "from",
        "to",
        "stream",
        "offset",
        "follow",
    ];
    let value = prop_oneof![
        "[ -~]{0,12}".prop_map(|text: String| encoded(&text)),
        any::<u64>().prop_map(|number| number.to_string()),
        Just(u64::MAX.to_string()),
        (0_u64..40).prop_map(|number| number.to_string()),
        "(job|prj|att)_[0-9a-f]{32}",
        "%[0-9a-f]{2}",
    ];
    let query = prop::collection::vec((prop::sample::select(names.to_vec()), value.clone()), 0..3);
    run(
        (prop::sample::select(paths), value, query),
        async |(path, id, query)| {
            let query: Vec<String> = query
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let id = if id.is_empty() { "x" } else { &id };
            let uri = format!("{}?{}", path.replace("{id}", id), query.join("&"));
            let answer = world.get(&*uri).token(&token).send().await;
            assert!(answer.status.as_u16() < 500, "{uri}: {}", answer.text());
        },
    );
}

fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    bytes.concat()
}
