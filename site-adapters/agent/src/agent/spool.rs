use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::spawn_blocking;

use super::Agent;
use crate::spool::{Restored, Spool};
use crate::state::Changes;

impl Agent {
    /// Keeps in a spool what the broker has not stored, and goes on with what the spool has.
    pub fn with_spool(mut self, spool: Spool, restored: Restored) -> Self {
        if !restored.attempts.is_empty() {
            tracing::info!(
                attempts = restored.attempts.len(),
                "going on from the spool"
            );
        }
        let now = self.now();
        self.state().restore(restored, now);
        self.spool = Some(Arc::new(spool));
        self
    }

    /// Writes down what has changed since it was last called; returns whether all of it is on disk.
    ///
    /// An agent whose disk is full works on: it says so in the site's state and tries again.
    pub async fn spool_once(&self) -> bool {
        let Some(spool) = self.spool.clone() else {
            return true;
        };
        loop {
            let changes = self.state().changes();
            if changes.is_empty() {
                return true;
            }
            let store = spool.clone();
            let write = move || {
                let stored = write_down(&store, &changes);
                (changes, stored)
            };
            let Ok((changes, stored)) = spawn_blocking(write).await else {
                return false;
            };
            self.state().written(changes, stored.is_ok());
            self.note_spool(stored.as_ref().err());
            self.metrics.spooled(&spool);
            self.wake.calls.notify_one();
            if stored.is_err() {
                return false;
            }
        }
    }

    fn note_spool(&self, error: Option<&std::io::Error>) {
        self.spool_fails.store(error.is_some(), Ordering::Relaxed);
        let now = self.now();
        let mut state = self.state();
        let Some(error) = error else {
            state.problems.solved("spool");
            return;
        };
        let words = format!(
            "the agent's `data_dir` cannot be written ({error}); jobs go on, and what happens to them \
             is lost if the agent and the broker fail together; make room there"
        );
        tracing::error!(%error, "the spool cannot be written; trying again");
        if state.problems.note_words("spool", words, now) {
            self.wake.snapshot.notify_one();
        }
    }
}

/// Logs go after the records: what the broker has is only then surely not needed.
fn write_down(spool: &Spool, changes: &Changes) -> std::io::Result<()> {
    spool.write(&changes.records)?;
    for (attempt, stream, up_to) in &changes.taken {
        spool.taken(*attempt, *stream, *up_to);
    }
    Ok(())
}
