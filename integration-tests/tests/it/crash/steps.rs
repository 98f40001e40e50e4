use broker_model::{JobId, StateName};
use broker_store::{EntryRow, Ledger as _, SqlStore, StoreOptions};
use integration_tests::until;
use serde_json::Value;

use super::{Database, LIMIT, Scene, Victim, hand_in};

/// What the ledger says when a step of dispatch is done: the kind of entry, and the state in it.
const STEPS: [(&str, Option<&str>); 8] = [
    ("job.accepted", None),
    ("attempt.leased", None),
    ("attempt.state_changed", Some("submitting")),
    ("attempt.state_changed", Some("accepted")),
    ("job.state_changed", Some("running")),
    ("attempt.state_changed", Some("ended")),
    ("job.state_changed", Some("completed")),
    ("usage.charged", None),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_after_any_step_of_dispatch_costs_no_job_on_sqlite() {
    each_step(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_after_any_step_of_dispatch_costs_no_job_on_postgres() {
    each_step(Database::Postgres).await;
}

async fn each_step(database: Database) {
    let Some(mut scene) = Scene::set(database).await else {
        return;
    };
    // The ledger is read beside the broker, so that a death does not end the watching.
    let store = SqlStore::connect(&scene.database_url(), StoreOptions::default())
        .await
        .unwrap();
    let mut jobs = 0;
    for (at, step) in STEPS.iter().enumerate() {
        for victim in [Victim::Broker, Victim::Agents, Victim::All] {
            jobs += 1;
            let name = format!("step-{at}-{victim:?}");
            let spec = scene.job(&name, "sleep 0.4").0;
            let job = hand_in(&scene.engineer, &spec).await.id;
            reached(&store, job, *step).await;
            scene.kill(victim);
            scene.restart();
            reached(&store, job, ("usage.charged", None)).await;
        }
    }
    store.close().await;
    let books = scene.all_is_well(jobs).await;
    assert!(
        books
            .jobs
            .iter()
            .all(|job| job.state == StateName::Completed)
    );
}

impl Scene {
    fn database_url(&self) -> String {
        let text = std::fs::read_to_string(self.installation.config(0)).unwrap();
        let config: toml::Table = toml::from_str(&text).unwrap();
        config["database"]["url"].as_str().unwrap().to_owned()
    }
}

async fn reached(store: &SqlStore, job: JobId, step: (&str, Option<&str>)) {
    until(&format!("{job} reaches {step:?}"), LIMIT, async || {
        let entries = store.entries_of(job, None, 200).await.unwrap();
        entries.iter().any(|entry| says(entry, step)).then_some(())
    })
    .await;
}

fn says(entry: &EntryRow, (kind, state): (&str, Option<&str>)) -> bool {
    let body: Value = serde_json::from_str(&entry.text).unwrap();
    body["kind"] == kind && state.is_none_or(|state| body["data"]["state"] == state)
}
