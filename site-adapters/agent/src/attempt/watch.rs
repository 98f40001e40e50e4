use broker_model::{Outcome, OutcomeKind};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{Activity, AttemptReport, RemoteJob, RemoteRef};

use super::{Ended, Phase, Tracked, UsageState};

/// A job's place in the queue is news once in so long: schedulers forecast anew all the time.
const TOLD_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Why a job waits, as the broker was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    reason: Option<String>,
    expected_start: Option<Timestamp>,
    at: Timestamp,
}

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
            Activity::Queued {
                reason,
                expected_start,
            } => self.queued(reason.as_deref(), *expected_start, now),
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
        let (kind, words) = gone(self.cancel);
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

    fn queued(&mut self, reason: Option<&str>, expected: Option<Timestamp>, now: Timestamp) {
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        if live.started_at.take().is_some() {
            live.told = None;
            self.requeued(reason);
        }
        self.waits(reason, expected, now);
    }

    /// Tells why it waits: at once when that is new, and then at most once a minute. Nothing piles up
    /// while the broker is away.
    fn waits(&mut self, reason: Option<&str>, expected: Option<Timestamp>, now: Timestamp) {
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        let last = live.told.as_deref();
        let is_news = match last {
            None => reason.is_some() || expected.is_some(),
            Some(told) => {
                let same = told.reason.as_deref() == reason && told.expected_start == expected;
                !same && now.duration_since(told.at) >= TOLD_AGAIN
            }
        };
        let is_pending = |event: &AttemptReport| matches!(event, AttemptReport::Waiting { .. });
        if !is_news || self.events.iter().any(is_pending) {
            return;
        }
        live.told = Some(Box::new(Told {
            reason: reason.map(str::to_owned),
            expected_start: expected,
            at: now,
        }));
        self.tell(AttemptReport::Waiting {
            attempt: self.id(),
            reason: reason.map(str::to_owned),
            expected_start: expected,
        });
    }

    fn requeued(&mut self, words: Option<&str>) {
        self.tell(AttemptReport::Requeued {
            attempt: self.id(),
            words: words.map(str::to_owned),
        });
    }

    fn started(&mut self, started_at: Timestamp, now: Timestamp) {
        let Phase::Accepted(live) = &mut self.phase else {
            return;
        };
        let before = live.started_at.replace(started_at);
        live.told = None;
        if let Some(known) = before {
            if started_at.duration_since(known) <= SAME_START {
                live.started_at = before;
                return;
            }
            self.requeued(None);
        }
        self.collect_at = now;
        self.tell(AttemptReport::Started {
            attempt: self.id(),
            started_at,
        });
    }

    fn end(&mut self, ended_at: Timestamp, outcome: Outcome, now: Timestamp) {
        let Phase::Accepted(live) = &self.phase else {
            return;
        };
        tracing::info!(
            attempt.id = %self.id(), job.id = %self.origin.job, remote.id = %live.remote.remote_id,
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
        self.tell(AttemptReport::Ended {
            attempt: self.id(),
            ended_at,
            outcome,
        });
    }
}

/// How a job ended that the scheduler had, and of which there is no trace.
pub(super) const fn gone(cancelled: bool) -> (OutcomeKind, &'static str) {
    if cancelled {
        let words = "cancelled, and not known to the scheduler";
        return (OutcomeKind::Cancelled, words);
    }
    let words = "not known to the scheduler, which had accepted it";
    (OutcomeKind::Vanished, words)
}
