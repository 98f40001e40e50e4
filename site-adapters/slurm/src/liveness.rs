use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Questions a tick: 5 ms each.
const QUESTIONS: usize = 8;

/// Which jobs were last seen alive in slurmctld, for Slurm before 24.05.
///
/// There slurmctld can be asked for one job or for all, and the accounting keeps a lost job RUNNING
/// for ever. So a few jobs a tick are looked at in turn. Only a cache: without it every job counts
/// as alive until its turn.
#[derive(Debug, Default)]
pub(crate) struct Liveness(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    tick: u64,
    jobs: HashMap<String, Checked>,
}

#[derive(Clone, Copy, Debug)]
struct Checked {
    tick: u64,
    alive: bool,
}

impl Liveness {
    /// The markers whose turn it is; forgets those that are no longer polled.
    pub(crate) fn due<'a>(&self, markers: impl Iterator<Item = &'a str>) -> HashSet<String> {
        let mut seen = self.lock();
        seen.tick += 1;
        let mut turns: Vec<(u64, &str)> = markers
            .map(|marker| (seen.jobs.get(marker).map_or(0, |c| c.tick), marker))
            .collect();
        let polled: HashSet<&str> = turns.iter().map(|(_, marker)| *marker).collect();
        if seen.jobs.len() > 4 * polled.len() + 1000 {
            seen.jobs
                .retain(|marker, _| polled.contains(marker.as_str()));
        }
        turns.sort_unstable();
        turns
            .into_iter()
            .take(QUESTIONS)
            .map(|(_, marker)| marker.to_owned())
            .collect()
    }

    pub(crate) fn checked(&self, marker: &str, alive: bool) {
        let mut seen = self.lock();
        let tick = seen.tick;
        seen.jobs.insert(marker.to_owned(), Checked { tick, alive });
    }

    pub(crate) fn is_gone(&self, marker: &str) -> bool {
        self.lock().jobs.get(marker).is_some_and(|c| !c.alive)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_has_its_turn() {
        let liveness = Liveness::default();
        let markers: Vec<String> = (0..30).map(|n| format!("m{n}")).collect();
        let mut asked = HashSet::new();
        for _ in 0..4 {
            for marker in liveness.due(markers.iter().map(String::as_str)) {
                liveness.checked(&marker, marker != "m7");
                asked.insert(marker);
            }
        }
        assert_eq!(asked.len(), 30);
        assert!(liveness.is_gone("m7"));
        assert!(!liveness.is_gone("m8"));
    }
}
