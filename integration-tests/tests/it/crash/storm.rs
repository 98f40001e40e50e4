use std::time::Duration;

use broker_client::Client;
use broker_model::{JobSpec, StateName};
use futures::future::join_all;
use integration_tests::ENGINEER;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Database, Scene, Victim, hand_in};

const JOBS: usize = 120;
const DEATHS: u32 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_survive_random_deaths_of_broker_and_agents_on_sqlite() {
    storm(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_survive_random_deaths_of_broker_and_agents_on_postgres() {
    storm(Database::Postgres).await;
}

/// `ALCYONE_STORM_SEED` repeats a storm.
fn seed() -> u64 {
    let given = std::env::var("ALCYONE_STORM_SEED").ok();
    given.map_or_else(rand::random, |text| text.parse().unwrap())
}

async fn storm(database: Database) {
    let Some(mut scene) = Scene::set(database).await else {
        return;
    };
    let seed = seed();
    eprintln!("a storm on {database:?}; ALCYONE_STORM_SEED={seed} repeats its choices");
    let mut random = StdRng::seed_from_u64(seed);
    let specs: Vec<JobSpec> = (0..JOBS).map(|number| spec(&scene, number)).collect();
    let engineer = scene
        .people
        .client(&scene.installation.url(0), ENGINEER)
        .await;
    tokio::join!(
        hand_in_all(&engineer, &specs),
        deaths(&mut scene, &mut random)
    );
    let books = scene.all_is_well(JOBS).await;
    for job in &books.jobs {
        let fails = job.name.ends_with('7');
        let expected = if fails {
            StateName::Failed
        } else {
            StateName::Completed
        };
        assert_eq!(job.state, expected, "{job:?}");
    }
}

async fn deaths(scene: &mut Scene, random: &mut StdRng) {
    for _ in 0..DEATHS {
        // Not a wait for anything: when the blow falls is what chance decides.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1200))).await;
        let victim = match random.random_range(0..5) {
            0 | 1 => Victim::Broker,
            2 | 3 => Victim::Agents,
            _ => Victim::All,
        };
        scene.kill(victim);
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
        scene.restart();
    }
}

fn spec(scene: &Scene, number: usize) -> JobSpec {
    let name = format!("storm-{number:03}");
    let more = match number % 10 {
        7 => "exit 3",
        1..=3 => "sleep 0.5",
        _ => "exit 0",
    };
    scene.job(&name, more).0
}

/// A few at a time.
async fn hand_in_all(client: &Client, specs: &[JobSpec]) {
    let lanes = (0..4).map(|lane| async move {
        for spec in specs.iter().skip(lane).step_by(4) {
            let _accepted = hand_in(client, spec).await;
        }
    });
    join_all(lanes).await;
}
