use broker_model::{SiteReadiness, SiteSnapshot};
use site_adapter::{Error, SiteAdapter as _};
use tokio::task::spawn_blocking;

use super::Agent;
use crate::drain::{Drain, DrainFile};

impl Agent {
    /// Honours a drain that the site's administrator has asked for in this file.
    pub fn with_drain(mut self, drain: DrainFile) -> Self {
        self.drain = Some(drain);
        self
    }

    /// Takes a snapshot of the site for the next report; returns whether the scheduler answered.
    ///
    /// A scheduler that does not accept this agent is what the snapshot then says, at once. One that
    /// cannot be reached is so for a while first: until then the broker is told nothing, and goes by
    /// what it heard last.
    pub async fn snapshot_once(&self) -> bool {
        let answer = self.adapter.snapshot().await;
        if let Err(error) = &answer {
            tracing::warn!(kind = %error.kind, %error, "the site cannot be observed");
        }
        let now = self.now();
        let is_news = {
            let mut state = self.state();
            match &answer {
                Ok(_) => state.problems.solved("snapshot"),
                Err(error) => drop(state.problems.note("snapshot", error, now)),
            }
            if state.problems.shows_of("snapshot", now) {
                state.let_go();
            }
            answer.is_ok() || state.problems.are_shown(now) || !state.was_observed
        };
        let reachable = answer.is_ok();
        if !is_news {
            return reachable;
        }
        let subsystems = self.broken_subsystems().await;
        let mut snapshot = answer.unwrap_or_else(|error| self.unobserved(&error));
        let drain = self.drained().await;
        let mut state = self.state();
        state.was_observed = true;
        state.problems.apply(&mut snapshot, &subsystems, now);
        state.mismatch.apply(&mut snapshot);
        if let Some(drain) = drain {
            drain.apply(&mut snapshot);
        }
        state.snapshot = Some(snapshot);
        self.wake.report.notify_one();
        reachable
    }

    /// The scheduler has not let itself be seen for as long as that may take.
    pub(super) fn cannot_hand_in(&self) -> bool {
        let now = self.now();
        self.state().problems.shows_of("snapshot", now)
    }

    /// Asks which part of the scheduler is to blame, if something is wrong.
    async fn broken_subsystems(&self) -> Vec<String> {
        if !self.state().problems.are_shown(self.now()) {
            return Vec::new();
        }
        let probes = self.adapter.probe().await;
        let broken = probes.into_iter();
        broken
            .filter_map(|probe| Some(format!("{}: {}", probe.subsystem, probe.problem?)))
            .collect()
    }

    pub(super) async fn drained(&self) -> Option<Drain> {
        let file = self.drain.clone()?;
        // The folder may be on a file system that hangs.
        let drain = spawn_blocking(move || file.read()).await.ok().flatten();
        drain.filter(|drain| drain.holds(self.now()))
    }

    /// Whether a drain began or ended since the last snapshot.
    pub(super) async fn drain_changed(&self) -> bool {
        let is_draining = self.drained().await.is_some();
        let mut state = self.state();
        std::mem::replace(&mut state.is_draining, is_draining) != is_draining
    }

    fn unobserved(&self, error: &Error) -> SiteSnapshot {
        SiteSnapshot {
            observed_at: self.now(),
            readiness: SiteReadiness::Unavailable,
            reason: Some(error.to_string()),
            partitions: Vec::new(),
        }
    }
}
