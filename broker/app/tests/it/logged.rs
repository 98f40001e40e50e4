//! What operators read of a job at info.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::agent::Agent;
use crate::world::{World, at, submit};

/// Names and values of one line's fields, `message` among them.
type Line = Vec<(String, String)>;

/// Keeps each line of the use cases at info.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = format!("{value:?}").trim_matches('"').to_owned();
        self.0.push((field.name().to_owned(), text));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("broker_app") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_job_is_followed_through_the_log_by_its_ids_and_states() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    // For the whole process: a thread of another test may be the first to come to a line, and what it
    // finds then holds for all. Nobody else listens.
    let lines = Lines::default();
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    let mut wish = at(&["lumi"]);
    for variant in wish.variants.values_mut() {
        variant.script = "export TOKEN=hunter2".to_owned();
    }
    let placed = submit(&broker, wish).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    world.pass(600);
    agent.finish(&broker, &leased, 10).await;

    let field = |line: &Line, name: &str| {
        let found = line.iter().find(|(field, _)| field == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    let mut lines = lines.0.lock().unwrap().clone();
    lines.retain(|line| field(line, "job.id") == placed.id.to_string());
    let told: Vec<_> = lines
        .iter()
        .map(|line| (field(line, "message"), field(line, "state")))
        .collect();
    let expected = [
        ("job accepted", "placed"),
        ("job placed", "placed"),
        ("job leased", "leased"),
        ("job state changed", "queued"),
        ("job state changed", "running"),
        ("job state changed", "completed"),
        ("job charged", "ended"),
    ]
    .map(|(message, state)| (message.to_owned(), state.to_owned()));
    assert_eq!(told, expected);
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            assert_eq!(field(line, "site.id"), "lumi");
        }
        if at > 1 {
            assert_eq!(field(line, "attempt.id"), leased.attempt.to_string());
        }
        let values: String = line.iter().map(|(_, value)| value.as_str()).collect();
        assert!(
            !values.contains("hunter2") && !values.contains('@'),
            "{values}"
        );
    }
}
