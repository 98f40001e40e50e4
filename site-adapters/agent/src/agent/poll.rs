use broker_model::{SiteReadiness, SiteSnapshot};
use site_adapter::{Error, SiteAdapter as _};

use super::Agent;

impl Agent {
    /// Asks the scheduler for the state of every job in one query; returns whether it answered.
    pub async fn poll_once(&self) -> bool {
        let asked = self.state().live();
        if asked.is_empty() {
            return true;
        }
        let jobs: Vec<_> = asked.iter().map(|(_, remote)| remote.clone()).collect();
        let answer = self.adapter.poll(&jobs).await;
        self.note("poll", &answer);
        let Ok(seen) = answer else {
            return false;
        };
        let now = self.now();
        self.state().polled(asked, &seen, now);
        self.metrics.ticked(now);
        self.observe();
        self.wake.all();
        true
    }

    /// Takes a snapshot of the site for the next report. A scheduler that does not answer is what
    /// the snapshot then says.
    pub async fn snapshot_once(&self) {
        let answer = self.adapter.snapshot().await;
        if let Err(error) = &answer {
            tracing::warn!(kind = %error.kind, %error, "the site cannot be observed");
        }
        let mut snapshot = answer.unwrap_or_else(|error| self.unobserved(&error));
        let mut state = self.state();
        state.problems.apply(&mut snapshot);
        state.snapshot = Some(snapshot);
        self.wake.report.notify_one();
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
