//! Never twice, never lost: a bad network on every side of the agents, and random deaths of broker and
//! agents, before a real scheduler. At the end each job has one start in the scheduler's own accounting.
//!
//! `ALCYONE_FAULT_JOBS` (1000 for the long form; the short one is part of every run), and
//! `ALCYONE_FAULT_SEED` repeats the choices of a run. `integration-tests/faults` sets both.

mod scene;
mod slurm;

use std::time::Duration;

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::crash::hand_in;
use scene::Scene;

/// Handed in at the same time.
const LANES: usize = 4;
const SHORT: usize = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// How many jobs, and the seed, which is printed.
fn asked() -> (usize, u64) {
    let jobs = number("ALCYONE_FAULT_JOBS").map_or(SHORT, |jobs| usize::try_from(jobs).unwrap());
    let seed = number("ALCYONE_FAULT_SEED").unwrap_or_else(rand::random);
    eprintln!("{jobs} jobs; ALCYONE_FAULT_SEED={seed} repeats the choices of this run");
    (jobs, seed)
}

/// Bounded in time: a start, and more than a second for every job.
fn limit(jobs: usize) -> Duration {
    Duration::from_mins(5) + Duration::from_millis(1200) * u32::try_from(jobs).unwrap()
}

/// Hands in all jobs while broker and agents die, then lets the network be calm and waits for the end.
async fn storm(scene: &mut Scene, jobs: usize, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let specs: Vec<_> = (0..jobs).map(|number| scene.spec(number)).collect();
    let engineer = scene.another_client().await;
    let lanes = (0..LANES).map(|lane| {
        let (engineer, specs) = (&engineer, &specs);
        async move {
            for spec in specs.iter().skip(lane).step_by(LANES) {
                let _accepted = hand_in(engineer, spec).await;
            }
        }
    });
    let handed_in = join_all(lanes);
    tokio::pin!(handed_in);
    let mut deaths = 0;
    loop {
        // Not a wait for anything: when the blow falls is what chance decides.
        let pause = Duration::from_millis(random.random_range(500..6000));
        tokio::select! {
            _ = &mut handed_in => break,
            () = tokio::time::sleep(pause) => {}
        }
        scene.kill_somebody(&mut random).await;
        deaths += 1;
    }
    // What is accepted goes on to die for as long again.
    for _ in 0..deaths.clamp(4, 12) {
        tokio::time::sleep(Duration::from_millis(random.random_range(200..2500))).await;
        scene.kill_somebody(&mut random).await;
    }
    scene.calm();
}
