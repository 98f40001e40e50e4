//! One attempt as the agent sees it: a state machine without I/O.
//!
//! The loops ask it what to call next ([`Tracked::next_call`], [`Tracked::next_collect`]) and give it
//! the answers; what it has to tell the broker queues up in `events` and goes only when the broker
//! has stored it ([`Tracked::stored`]).

mod calls;
mod collect;
mod keep;
mod lease;
mod pace;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use broker_model::{AttemptId, JobId};
use jiff::Timestamp;
use site_adapter::{
    AttemptReport, LeasedAttempt, LocalAccount, LogChunk, LogStream, RemoteRef, Seen, Work,
};

use crate::AgentConfig;
use crate::accounts::{AccountQuestion, Mapping};

pub(crate) use calls::{Answer, Call};
pub(crate) use collect::{Collect, Collected, Fetch, Got, Logs, UsageState};
pub(crate) use keep::Kept;
pub(crate) use lease::Heard;
use lease::Lease;

/// What a step is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    /// By the clock that leases are counted by.
    pub(crate) steady: Timestamp,
    pub(crate) config: &'a AgentConfig,
    /// Nothing is sent to the scheduler before the spool has it on disk.
    pub(crate) spools: bool,
    /// The broker does not answer, and there is a spool to read logs into.
    pub(crate) broker_away: bool,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that hold beside the phase, each by itself"
)]
pub(crate) struct Tracked {
    /// Tells an attempt from the same one leased again while an old call was still under way.
    pub(crate) generation: u64,
    /// Not yet stored by the broker, in order.
    pub(crate) events: VecDeque<AttemptReport>,
    /// Not reported before this: the broker refused what it has to say.
    pub(crate) held_until: Timestamp,
    /// The broker has given it to this process. What comes out of the spool is watched before that,
    /// and told once it is.
    pub(crate) claimed: bool,
    /// Changed since the spool was told.
    touched: bool,
    /// The spool is writing it down.
    writing: bool,
    origin: Origin,
    phase: Phase,
    sent: Sent,
    /// The broker has stored `Submitting`.
    announced: bool,
    cancel: bool,
    lease: Lease,
    tries: u32,
    not_before: Timestamp,
    logs: Logs,
    collect_at: Timestamp,
}

/// What was leased, as far as it is still needed: ten thousand scripts would not fit.
#[derive(Debug)]
struct Origin {
    attempt: AttemptId,
    job: JobId,
    /// Until the scheduler has it.
    unsent: Option<Box<Unsent>>,
    accepted: Option<Seen>,
    ended: bool,
}

/// What is needed to find the account and to submit.
#[derive(Debug)]
struct Unsent {
    question: AccountQuestion,
    work: Work,
    /// The site's mapping was asked, and its partition is in `work`.
    is_mapped: bool,
}

#[derive(Debug)]
enum Phase {
    /// Waits for its local account.
    Unmapped,
    /// `Submitting` is on its way to the broker.
    Announcing(LocalAccount),
    /// To be sent, or, when it was found at the scheduler, to be taken over by the same call.
    Ready(LocalAccount),
    /// The scheduler may have it; only `find` says.
    Unclear(LocalAccount),
    Accepted(Live),
    Ended(Ended),
    /// Its last event is on its way; it is forgotten once the broker has stored it.
    Closing,
}

/// In the scheduler's hands.
#[derive(Debug)]
struct Live {
    remote: RemoteRef,
    started_at: Option<Timestamp>,
    /// The last poll left it out: `find` decides whether it is gone.
    missing: bool,
    /// Why it waits, as the broker was last told.
    told: Option<Box<watch::Told>>,
}

#[derive(Debug)]
struct Ended {
    remote: RemoteRef,
    /// Usage is to be expected: it ran, and the scheduler still knows of it.
    ran: bool,
    seen_at: Timestamp,
    usage: UsageState,
}

/// Whether a submit may have reached the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Never,
    Maybe,
    /// It may have once, and `find` has proven since that it is not there.
    Disproven,
    /// `find` has shown it there, and the adapter has not said yet whether it is as it was asked for.
    Shown,
}

impl Sent {
    const fn may_be_there(self) -> bool {
        matches!(self, Self::Maybe | Self::Shown)
    }
}

impl Origin {
    fn of(leased: LeasedAttempt) -> Self {
        let mut unsent = Unsent {
            question: AccountQuestion::of(&leased),
            work: leased.work,
            is_mapped: false,
        };
        // What was at the scheduler is never sent again.
        if leased.accepted.is_some() || leased.ended {
            unsent.work.script = String::new();
        }
        Self {
            attempt: leased.attempt,
            job: leased.job,
            unsent: Some(Box::new(unsent)),
            accepted: leased.accepted,
            ended: leased.ended,
        }
    }
}

impl Tracked {
    pub(crate) fn new(leased: LeasedAttempt, generation: u64, heard: &Heard) -> Self {
        let now = heard.now;
        let sent = if leased.may_exist || leased.accepted.is_some() || leased.ended {
            Sent::Maybe
        } else {
            Sent::Never
        };
        let cancel = leased.cancel;
        let mut tracked = Self {
            generation,
            events: VecDeque::new(),
            held_until: Timestamp::MIN,
            claimed: true,
            touched: false,
            writing: false,
            phase: Phase::Unmapped,
            sent,
            announced: false,
            cancel: false,
            lease: Lease::taken(leased.lease_until, heard),
            tries: 0,
            not_before: now,
            logs: Logs::from_offsets(leased.stdout_offset, leased.stderr_offset),
            collect_at: now,
            origin: Origin::of(leased),
        };
        // What has ended needs no stopping, only metering.
        if cancel && !tracked.origin.ended {
            tracked.request_cancel(now, false);
        }
        tracked
    }

    fn id(&self) -> AttemptId {
        self.origin.attempt
    }

    /// Adds an event; the spool has to know.
    fn tell(&mut self, event: AttemptReport) {
        self.events.push_back(event);
        self.touched = true;
    }

    /// Notes that the attempt shall stop; returns whether that was news.
    ///
    /// `calling` says that a call for it is under way: its answer then decides what there is to stop.
    pub(crate) fn request_cancel(&mut self, now: Timestamp, calling: bool) -> bool {
        if self.cancel || matches!(self.phase, Phase::Ended(_) | Phase::Closing) {
            return false;
        }
        self.cancel = true;
        self.touched = true;
        self.not_before = now;
        let unsent = match &self.phase {
            Phase::Unmapped => !self.sent.may_be_there(),
            Phase::Announcing(_) => true,
            Phase::Ready(_) if calling => false,
            // It is there: found again, it is stopped and not taken over.
            Phase::Ready(account) if self.sent == Sent::Shown => {
                self.phase = Phase::Unclear(account.clone());
                false
            }
            Phase::Ready(_) => true,
            _ => false,
        };
        if unsent {
            self.refuse("cancelled before it was sent".to_owned());
        }
        true
    }

    /// What was seen there stays seen.
    fn may_have_been_sent(&mut self) {
        if self.sent != Sent::Shown {
            self.sent = Sent::Maybe;
        }
    }

    fn refuse(&mut self, reason: String) {
        tracing::info!(attempt.id = %self.id(), job.id = %self.origin.job, reason, "attempt refused");
        self.close(AttemptReport::Refused {
            attempt: self.id(),
            reason,
        });
    }

    fn close(&mut self, last: AttemptReport) {
        self.tell(last);
        self.phase = Phase::Closing;
    }

    /// The broker has stored this event: the next step may rely on it.
    pub(crate) fn stored(&mut self, event: &AttemptReport) {
        self.touched = true;
        if !matches!(event, AttemptReport::Submitting { .. }) {
            return;
        }
        self.announced = true;
        if let Phase::Announcing(account) = &self.phase {
            self.phase = Phase::Ready(account.clone());
        }
    }

    /// The broker has stored so much of a log.
    pub(crate) fn log_stored(&mut self, stream: LogStream, bytes: usize, now: Timestamp) {
        self.logs.stored(stream, bytes);
        self.collect_at = now;
    }

    /// It was leased and is not at the scheduler yet: its script is in memory.
    pub(crate) fn is_unsent(&self) -> bool {
        let unsent = self.origin.unsent.as_ref();
        unsent.is_some_and(|unsent| !unsent.work.script.is_empty())
    }

    /// Given to this process, and proven not to be at the scheduler.
    pub(crate) fn may_be_let_go(&self) -> bool {
        let waits = matches!(
            self.phase,
            Phase::Unmapped | Phase::Announcing(_) | Phase::Ready(_)
        );
        self.claimed && waits && !self.sent.may_be_there() && self.origin.accepted.is_none()
    }

    /// Log bytes that wait for the broker, as chunks.
    pub(crate) fn log_chunks(&self) -> impl Iterator<Item = LogChunk> + '_ {
        self.logs.chunks(self.id())
    }

    pub(crate) fn log_backlog(&self) -> usize {
        self.logs.backlog()
    }

    /// Nothing is left to do or to tell.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Closing) && self.events.is_empty()
    }

    /// The broker has prolonged its lease, asked at this moment of the steady clock. What was ready to be
    /// sent and outlived its lease meanwhile is looked up before it goes, unless it is on its way.
    pub(crate) fn renewed(&mut self, from: Timestamp, calling: bool) {
        let was_over = self.lease.is_over(from);
        self.lease.renewed(from);
        if let (Phase::Ready(account), true, false) = (&self.phase, was_over, calling) {
            self.phase = Phase::Unclear(account.clone());
            self.may_have_been_sent();
            self.touched = true;
        }
    }

    pub(crate) fn renewal_due_at(&self) -> Timestamp {
        self.lease.renewal_due_at()
    }

    /// Has something to do before or beside the scheduler's own progress.
    pub(crate) fn wants_calls(&self) -> bool {
        match &self.phase {
            Phase::Unmapped | Phase::Ready(_) | Phase::Unclear(_) => true,
            Phase::Accepted(live) => live.missing || self.cancel,
            Phase::Announcing(_) | Phase::Ended(_) | Phase::Closing => false,
        }
    }

    pub(crate) fn wants_collecting(&self) -> bool {
        match &self.phase {
            Phase::Accepted(live) => live.started_at.is_some(),
            Phase::Ended(_) => true,
            _ => false,
        }
    }

    pub(crate) const fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Unmapped => "unmapped",
            Phase::Announcing(_) => "announcing",
            Phase::Ready(_) => "ready",
            Phase::Unclear(_) => "unclear",
            Phase::Accepted(Live {
                started_at: None, ..
            }) => "queued",
            Phase::Accepted(_) => "running",
            Phase::Ended(_) => "ended",
            Phase::Closing => "closing",
        }
    }
}
