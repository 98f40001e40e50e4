use broker_model::{Outcome, OutcomeKind};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, AttemptReport, RemoteJob, RemoteRef};

use super::{Ended, Phase, Tracked, UsageState};

/// Start times within this are one start: some schedulers round, and say it differently later.
const SAME_START: SignedDuration = SignedDuration::from_secs(2);

impl Tracked {
    /// What to poll the scheduler for.
    pub(crate) fn live(&self) -> Option<&RemoteRef> {
        match &self.phase {
            Phase::Accepted(live) => Some(&live.remote),
            _ => None,
        }
    }

    /// Takes in what the scheduler says of the job.
    pub(crate) fn observe(&mut self, job: &RemoteJob, now: Timestamp) {
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        if job.activity == Activity::Unknown {
            return;
        }
        live.missing = false;
        match &job.activity {
            Activity::Unknown => {}
            Activity::Queued { .. } => self.queued(),
            Activity::Running { started_at } => self.started(*started_at, now),
            Activity::Ended {
                started_at,
                ended_at,
                outcome,
            } => {
                if let Some(started_at) = started_at {
                    self.started(*started_at, now);
                }
                self.end(*ended_at, outcome.clone(), now);
            }
        }
    }

    /// The poll left the job out; returns whether that was news.
    pub(crate) fn missed(&mut self) -> bool {
        match &mut self.phase {
            Phase::Accepted(live) => !std::mem::replace(&mut live.missing, true),
            _ => false,
        }
    }

    /// The scheduler has no trace of it: proven by `find`.
    pub(super) fn vanish(&mut self, now: Timestamp) {
        let (kind, words) = if self.cancel {
            (
                OutcomeKind::Cancelled,
                "cancelled, and not known to the scheduler",
            )
        } else {
            (
                OutcomeKind::Vanished,
                "not known to the scheduler, which had accepted it",
            )
        };
        let outcome = Outcome {
            kind,
            exit_code: None,
            signal: None,
            site_words: words.to_owned(),
        };
        self.end(now, outcome, now);
        if let Phase::Ended(ended) = &mut self.phase {
            ended.ran = false;
        }
    }

    fn queued(&mut self) {
        let attempt = self.id();
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        if live.started_at.take().is_some() {
            self.events.push_back(AttemptReport::Requeued {
                words: None,
                attempt,
            });
        }
    }

    fn started(&mut self, started_at: Timestamp, now: Timestamp) {
        let attempt = self.id();
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        if let Some(known) = live.started_at {
            if started_at.duration_since(known) <= SAME_START {
                return;
            }
            self.events.push_back(AttemptReport::Requeued {
                words: None,
                attempt,
            });
        }
        live.started_at = Some(started_at);
        self.collect_at = now;
        self.events.push_back(AttemptReport::Started {
            attempt,
            started_at,
        });
    }

    fn end(&mut self, ended_at: Timestamp, outcome: Outcome, now: Timestamp) {
        let Phase::Accepted(live) = &self.phase else {
            return;
        };
        tracing::info!(
            attempt.id = %self.id(), job.id = %self.leased.job, remote.id = %live.remote.remote_id,
            outcome = ?outcome.kind, words = outcome.site_words, "job ended"
        );
        self.phase = Phase::Ended(Ended {
            remote: live.remote.clone(),
            ran: live.started_at.is_some(),
            seen_at: now,
            usage: UsageState::Unknown,
        });
        self.collect_at = now;
        self.advanced(now);
        self.events.push_back(AttemptReport::Ended {
            attempt: self.id(),
            ended_at,
            outcome,
        });
    }
}
