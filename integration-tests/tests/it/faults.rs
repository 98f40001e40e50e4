//! Never twice, never lost: a bad network on every side of the agents, and random deaths of broker and
//! agents, before a real scheduler or an emulated one. At the end each job, and each task of an array, has
//! one start in the scheduler's own accounting.
//!
//! `ALCYONE_FAULT_JOBS` (1000 for the long form; the short one is part of every run), and
//! `ALCYONE_FAULT_SEED` repeats the choices of a run. `integration-tests/faults` sets both.

mod ground;
mod kubernetes;
mod lines;
mod lost;
mod pbs;
mod race;
mod report;
mod scene;
mod slurm;
mod verdict;
mod wishes;

use std::io::Write as _;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use ground::Ground;
use scene::Scene;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Bounded in time, the storm and what comes after it: a start, and more than a second for every job.
fn limit(jobs: usize) -> Duration {
    Duration::from_mins(5) + Duration::from_millis(1200) * u32::try_from(jobs).unwrap()
}

/// To standard error itself: what a test that passes prints is not shown.
fn say(line: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{line}").unwrap();
}

/// Two agents share a site, each with a bad network of its own on both sides; `short` is how many jobs
/// there are unless the environment says otherwise.
async fn never_twice_never_lost(ground: impl Ground, short: usize) {
    let jobs = number("ALCYONE_FAULT_JOBS").map_or(short, |jobs| usize::try_from(jobs).unwrap());
    let seed = number("ALCYONE_FAULT_SEED").unwrap_or_else(rand::random);
    let site = ground.site().id;
    say(&format!(
        "{jobs} jobs at {site}; ALCYONE_FAULT_SEED={seed} repeats the choices of this run"
    ));
    let began = Instant::now();
    let Some(mut scene) = Scene::set(&ground, seed).await else {
        return;
    };
    for name in ["agent-one", "agent-two"] {
        let broker = scene.broker().await;
        let agent = ground.agent(&mut scene, name, &broker).await;
        // An agent that died looks everything up that it had announced, which takes its time.
        agent.edit(|config| {
            let agent = config["agent"].as_table_mut().unwrap();
            agent.insert("max_calls".to_owned(), 24.into());
        });
        scene.start(agent);
    }
    scene.is_ready().await;
    ground.roughen(seed);
    let in_time = tokio::time::timeout(limit(jobs), storm(&mut scene, jobs, seed)).await;
    assert!(
        in_time.is_ok(),
        "not all {jobs} jobs were handed in within {:?}",
        limit(jobs)
    );
    scene.calm();
    ground.calm();
    scene.all_is_well(&ground, jobs, limit(jobs)).await;
    scene.each_started_once(|| ground.by_accounting()).await;
    scene.report(&ground, jobs, seed, began.elapsed()).await;
}

/// Hands in all jobs while broker and agents die, and goes on until most have started.
async fn storm(scene: &mut Scene, jobs: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let engineer = scene.another_client().await;
    let wishes = scene.wishes(jobs);
    let handed_in = wishes.hand_in(&engineer);
    tokio::pin!(handed_in);
    loop {
        // Not a wait for anything: when the blow falls is what chance decides.
        let pause = Duration::from_millis(random.random_range(500..6000));
        tokio::select! {
            () = &mut handed_in => break,
            () = tokio::time::sleep(pause) => {}
        }
        scene.kill_somebody(&mut random).await;
    }
    // Most of what is accepted runs and ends under the same conditions.
    let deadline = Instant::now() + Duration::from_millis(300) * u32::try_from(jobs).unwrap();
    while scene.started() < jobs * 4 / 5 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(random.random_range(1000..9000))).await;
        scene.kill_somebody(&mut random).await;
    }
}
