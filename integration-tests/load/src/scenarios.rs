//! One measurement a file.

pub(crate) mod commits;
pub(crate) mod dispatch;
pub(crate) mod eligibility;
pub(crate) mod growth;
pub(crate) mod memory;
pub(crate) mod placement;
pub(crate) mod reads;
pub(crate) mod submissions;

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Of one round.
    pub(crate) time: Duration,
    pub(crate) rounds: u32,
    pub(crate) finished: u32,
    pub(crate) active: u32,
}

/// Before anything counts: caches are filled, connections made, a grown file grown.
pub(crate) const WARM_UP: Duration = Duration::from_millis(500);

/// Calls a second, the best of some rounds taken turn about, so that noise hits both alike.
pub(crate) fn turn_about<const N: usize>(plan: &Plan, mut work: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [0.0_f64; N];
    let share = plan.time / 10;
    for _ in 0..10 * plan.rounds {
        for (call, best) in work.iter_mut().zip(&mut best) {
            let begin = Instant::now();
            let mut calls = 0_u32;
            while begin.elapsed() < share {
                (0..50).for_each(|_| call());
                calls += 50;
            }
            *best = best.max(f64::from(calls) / begin.elapsed().as_secs_f64());
        }
    }
    best
}
