//! What the spool has to know of the agent's state, and what comes back from it.

use broker_model::AttemptId;
use jiff::Timestamp;
use site_adapter::LogStream;

use super::State;
use crate::attempt::Tracked;
use crate::spool::{Record, Restored};

/// A log of which the broker has everything up to an offset.
pub(crate) type TakenLog = (AttemptId, LogStream, u64);

/// What to write down in one go.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) records: Vec<Record>,
    pub(crate) taken: Vec<TakenLog>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.taken.is_empty()
    }
}

/// More than this is written in several goes: a restart of the broker may change every attempt at once.
const AT_ONCE: usize = 1000;

impl State {
    /// Goes on with what an earlier process has written down.
    pub(crate) fn restore(&mut self, restored: Restored, now: Timestamp) {
        for kept in restored.attempts {
            self.generation += 1;
            let attempt = kept.attempt;
            let tracked = Tracked::restored(kept, self.generation, now);
            self.attempts.insert(attempt, Box::new(tracked));
        }
        for log in restored.logs {
            if let Some(tracked) = self.attempts.get_mut(&log.attempt) {
                tracked.logs_mut().restored(log.stream, log.from, log.to);
            }
        }
    }

    /// An attempt was stepped: notes what the spool has to know of it.
    pub(super) fn changed(&mut self, attempt: AttemptId) {
        let Some(tracked) = self.attempts.get_mut(&attempt) else {
            return;
        };
        if tracked.is_touched() {
            self.touched.insert(attempt);
        }
        for (stream, up_to) in tracked.logs_mut().taken_files() {
            self.taken.push((attempt, stream, up_to));
        }
    }

    /// Forgets an attempt; returns whether it was known.
    pub(super) fn remove(&mut self, attempt: AttemptId) -> bool {
        let known = self.attempts.remove(&attempt).is_some();
        if known {
            self.touched.remove(&attempt);
            self.gone.insert(attempt);
        }
        known
    }

    /// The next changes for the spool, marked as being written.
    pub(crate) fn changes(&mut self) -> Changes {
        let mut records = Vec::new();
        while let Some(attempt) = self.gone.pop_first() {
            // It may have been leased again since; then its new state follows.
            records.push(Record::Gone(attempt));
        }
        while records.len() < AT_ONCE {
            let Some(attempt) = self.touched.pop_first() else {
                break;
            };
            records.extend(self.attempts.get_mut(&attempt).and_then(|it| it.keep()));
        }
        Changes {
            records,
            taken: std::mem::take(&mut self.taken),
        }
    }

    /// The changes are on disk, or could not be written and are tried again.
    pub(crate) fn written(&mut self, changes: Changes, on_disk: bool) {
        for record in &changes.records {
            let attempt = record.attempt();
            match self.attempts.get_mut(&attempt) {
                Some(tracked) => {
                    tracked.kept(on_disk);
                    if !on_disk {
                        self.touched.insert(attempt);
                    }
                }
                None if !on_disk => drop(self.gone.insert(attempt)),
                None => {}
            }
        }
        if !on_disk {
            self.taken.extend(changes.taken);
        }
    }
}
